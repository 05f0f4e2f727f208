import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MISSING_REASONS } from '../../../server/protocol/mesh.ts';
import { DISCOVERY_FAULTS } from '../../../server/protocol/pod.ts';
import { OUTCOMES } from '../../../server/protocol/sample.ts';

const page = readFileSync('docs/troubleshooting.md', 'utf8');

/** The text between two headings. */
function section(title: string): string {
  const [, text] = new RegExp(`^## ${title}$(.*?)(?=^## |$(?![\\s\\S]))`, 'ms').exec(page) ?? [];
  if (text === undefined) throw new Error(`there is no ${title}`);
  return text;
}

/** The first words of each text that a source says by `pattern`, as far as they are always the same. */
const said = (path: string, pattern: RegExp) =>
  [...readFileSync(path, 'utf8').matchAll(pattern)].map(([, text = '']) => text.split(/\$\{/)[0]!.trim());

describe('docs/troubleshooting.md', () => {
  it.each([
    ['Links, by how they fail', OUTCOMES.filter((outcome) => outcome !== 'ok')],
    ['Rows that are missing', MISSING_REASONS],
    ['Kubernetes API', DISCOVERY_FAULTS],
  ])('has every kind that the API can say: %s', (title, kinds) => {
    for (const kind of kinds) expect(section(title)).toContain(`\`${kind}\``);
  });

  it('has every screen that the page shows in place of a picture', () => {
    const titles = said('web/shell/stage-screen.tsx', /<Message title=(?:"|\{`)([^"`]+)/g);
    expect(titles.length).toBeGreaterThan(5);
    for (const title of titles) expect(section('Before there is a page')).toContain(`"${title}`);
  });

  it('has every notice of the page', () => {
    const titles = said('web/pure/notices.ts', /title: ['`]((?:[^'`]|\$\{[^}]*\})+)['`]/g);
    const words = titles.map((title) => title.replace(/[.]$/, '')).filter((title) => title !== '');
    expect(words.length).toBeGreaterThan(2);
    for (const word of words) expect(section('Notices above the picture')).toContain(word);
    // The other notices are findings.
    const findings = ['messages', 'findings'].map((name) => `server/analysis/findings/${name}.ts`);
    const sources = findings.map((path) => readFileSync(path, 'utf8')).join();
    for (const word of ['unreachable', 'reaches ', 'does not reach itself', 'of the links', 'did not report']) {
      expect(sources).toContain(word);
      expect(section('Notices above the picture')).toContain(word);
    }
  });

  it('has every reason of an unhealthy cluster', () => {
    const words = said('server/peers/cluster-health.ts', /push\((?:pod, )?['`]([^'`]+)/g).filter((word) => word !== '');
    expect(words.length).toBeGreaterThan(4);
    for (const word of words) expect(section('`/cluster_health` is 418')).toContain(word.replace(/( since| \()$/, ''));
  });
});
