import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MISSING_REASONS } from '../../../server/protocol/mesh.ts';
import { DISCOVERY_FAULTS } from '../../../server/protocol/pod.ts';
import { OUTCOMES } from '../../../server/protocol/sample.ts';

const page = readFileSync('docs/troubleshooting.md', 'utf8');

/** The text between two headings. */
function section(title: string): string {
  const [, text] = new RegExp(`^## ${title}$(.*?)(?=^## |$(?![\\s\\S]))`, 'ms').exec(page) ?? [];
  if (text === undefined) throw new Error(`no section ${title}`);
  return text;
}

/** The texts that `pattern` finds in a source file, each up to its first placeholder. */
const textsIn = (path: string, pattern: RegExp) =>
  [...readFileSync(path, 'utf8').matchAll(pattern)].map(([, text = '']) => text.split(/\$\{/)[0]!.trim());

describe('docs/troubleshooting.md', () => {
  it.each([
    ['Links, by outcome', OUTCOMES.filter((outcome) => outcome !== 'ok')],
    ['Missing reports', MISSING_REASONS],
    ['Kubernetes API', DISCOVERY_FAULTS],
  ])('describes every kind that the API returns: %s', (title, kinds) => {
    for (const kind of kinds) expect(section(title)).toContain(`\`${kind}\``);
  });

  it('describes every screen that the page shows instead of a view', () => {
    const titles = textsIn('web/app/stage-screen.tsx', /<Message title=(?:"|\{`)([^"`]+)/g);
    expect(titles.length).toBeGreaterThan(4);
    for (const title of titles) expect(section('Before the page shows data')).toContain(`"${title}`);
  });

  it('describes every notice of the page', () => {
    const titles = textsIn('web/app/notices.ts', /title: ['`]((?:[^'`]|\$\{[^}]*\})+)['`]/g);
    const words = titles.map((title) => title.replace(/[.]$/, '')).filter((title) => title !== '');
    expect(words.length).toBeGreaterThan(1);
    expect(readFileSync('web/app/notices.ts', 'utf8')).toContain('(serving this page) is CPU-starved.');
    words.push('(serving this page) is CPU-starved');
    for (const word of words) expect(section('Notices above the view')).toContain(word);
    // The other notices are findings.
    const findings = ['place-findings', 'single-links', 'findings'].map(
      (name) => `server/analysis/findings/${name}.ts`,
    );
    const sources = findings.map((path) => readFileSync(path, 'utf8')).join();
    for (const word of ['unreachable', 'reaches ', 'does not reach itself', 'of the links', 'did not report']) {
      expect(sources).toContain(word);
      expect(section('Notices above the view')).toContain(word);
    }
  });

  it('describes every reason of an unhealthy cluster', () => {
    const words = textsIn('server/peers/cluster-health.ts', /push\((?:pod, )?['`]([^'`]+)/g).filter(
      (word) => word !== '',
    );
    expect(words.length).toBeGreaterThan(4);
    for (const word of words)
      expect(section('`/cluster_health` is 418')).toContain(
        word
          .replace(/( since| \(|:)$/, '')
          .replace(/^\$\{.*?\}/, 'N')
          .replace(/\$\{.*?\}/, 'N'),
      );
  });
});
