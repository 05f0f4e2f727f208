import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { html } from '../../../../server/analysis/comparison/html.ts';
import { REPORT_POLICY } from '../../../../server/analysis/comparison/report-page.ts';
import { pack16 } from '../../../../server/protocol/links.ts';
import { LATE_ANSWER, MeshBuilder } from '../../../support/mesh.ts';
import {
  annotationOf,
  annotationsOf,
  eventOf,
  eventsOf,
  FROM_MS,
  pageOf,
  reportOf,
  slowPod,
  TO_MS,
} from '../../../support/report-scene.ts';

const HOSTILE = `</title></style><script>alert(1)</script><img src=x onerror=alert(1)>"'&\u202e\u0000\ud800`;

/** Experiment 2 with every text from outside as hostile as it can be. */
async function hostilePage(): Promise<string> {
  const during = slowPod();
  const pods = during.pods.map((pod) => ({ ...pod, name: HOSTILE + pod.name, node: HOSTILE }));
  during.pods.splice(0, pods.length, ...pods);
  const [a, chaos] = [pods[0] ?? null, pods[3] ?? null];
  during.status = { ...during.status, namespace: HOSTILE, labelSelector: HOSTILE };
  const mark = { ...annotationOf(FROM_MS, TO_MS, HOSTILE), tags: ['<script>'] };
  return pageOf({
    during,
    events: eventsOf([eventOf('link-slow', FROM_MS + 1_000, chaos, a === null ? [] : [a], { detail: HOSTILE })]),
    annotations: annotationsOf([mark]),
    // The violations of the hypothesis name the pods.
    query: { title: HOSTILE, pictures: true, expect: ['latency<50ms'] },
  });
}

describe('the page of a report', () => {
  it('needs nothing else and runs nothing: no script, no address, and a policy that says so', async () => {
    const report = await reportOf({ query: { pictures: true } });
    const page = [...report.page()].join('');
    expect(page).not.toMatch(/<script|<link|<iframe|javascript:|\son\w+=|https?:|@import|url\(/i);
    expect(page.match(/src="data:image\/png;base64,/g)).toHaveLength(3);
    const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(REPORT_POLICY).toContain(`style-src 'sha256-${hash}'`);
    expect(REPORT_POLICY).toMatch(/^default-src 'none'; img-src data:; /);
    expect(page).toContain('http-equiv="Content-Security-Policy"');
    expect(page).not.toMatch(/\sstyle=/);
  });

  it('shows the mesh of each range: only the one during has a red row', async () => {
    const page = await pageOf({ query: { pictures: true } });
    const reds = [...page.matchAll(/base64,([^"]+)"/g)].map(([, text]) => redPixels(Buffer.from(text ?? '', 'base64')));
    // The key of colours has one red cell in every picture.
    expect(reds[0]).toBe(reds[2]);
    expect(reds[1]).toBeGreaterThan((reds[0] ?? 0) + 4_000);
    expect(page).toMatch(/alt="Heatmap during, 14:55:00 to 14:57:00: 16 links, 0 failed, 4 slow/);
  });

  it('says how far a changed link is from its usual latency, and its jitter, where they are more than noise', async () => {
    const quality = (mesh: MeshBuilder, jitterUs: number, usualUs: number) => {
      for (const { stats } of mesh.reports) {
        stats?.jitterUs.fill(pack16(jitterUs));
        stats?.usualUs.fill(pack16(usualUs));
      }
      return mesh;
    };
    const page = await pageOf({ during: quality(slowPod(), 40_000, 1_000) });
    expect(page).toMatch(/>\d+ × the usual<\/span><br><span class="note second">jitter 40 ms</);
    const calm = await pageOf({ during: quality(slowPod(), 100, 252_000) });
    expect(calm).not.toMatch(/× the usual|jitter \d/);
    // After a long fault the fault is usual, and what was before is nearly 0 times as much.
    const after = await pageOf({ during: quality(slowPod(), 100, 6_000_000) });
    expect(after).not.toContain('× the usual');
  });

  it('says who was short of CPU when a ping timed out', async () => {
    const chaos = slowPod().pods[3] ?? null;
    const late = (starved: 'source' | 'destination') =>
      eventOf('link-failed', FROM_MS + 1_000, chaos, [], { outcome: 'timeout', phase: 'first-byte', starved });
    const page = await pageOf({ events: eventsOf([late('source'), late('destination')]) });
    expect(page).toContain('timeout (first-byte), while the probing pod was short of CPU');
    expect(page).toContain('timeout (first-byte), while the pod was short of CPU');
  });

  it('names the range of each event, and none for an event between two ranges', async () => {
    const events = [-90_000, -30_000, 1_000].map((ms) =>
      eventOf('link-slow', FROM_MS + ms, slowPod().pods[3] ?? null, []),
    );
    const before = { fromMs: FROM_MS - 120_000, toMs: FROM_MS - 60_000 };
    const ranges = { during: { fromMs: FROM_MS, toMs: TO_MS }, before, after: null };
    const page = await pageOf({ events: eventsOf(events), query: { ranges } });
    const named = [...page.matchAll(/<\/time><\/td><td>([^<]*)<\/td><td class="t">link slow/g)].map(([, name]) => name);
    expect(named).toEqual(['before', '–', 'during']);
  });

  it('leaves a picture out that would make the file too large, and says so', async () => {
    let painted = 0;
    const paint = async () => new Uint8Array(painted++ === 1 ? 1_200_000 : 100_000);
    const page = await pageOf({ query: { pictures: true }, deps: { paint } });
    expect(page.length).toBeLessThan(2 * 1024 * 1024);
    expect(page.match(/<img /g)).toHaveLength(2);
    const deps = { paint: async () => new Uint8Array(1_200_000) };
    const huge = await pageOf({ query: { pictures: true }, deps });
    expect(huge.match(/The picture is left out/g)).toHaveLength(2);
  });

  it('lists the 50 links that changed most and says how much all others changed', async () => {
    const during = new MeshBuilder(60).each((_, to) => to < 2, LATE_ANSWER, true);
    const page = await pageOf({ during });
    expect(page.match(/<span class="tag">(affected|collateral)</g)).toHaveLength(50);
    expect(page).toContain('The 3,550 other links known before and during changed by at most 251 ms.');
  });

  it('has no markup, control character or turn of direction from outside in it', async () => {
    const page = await hostilePage();
    expect(page.replace(/\n/g, '')).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
    expect(page).not.toMatch(/<script|<img src=x/i);
    expect(page.match(/&lt;script&gt;/g)?.length).toBeGreaterThan(10);
    expect(page.match(/<style>/g)).toHaveLength(1);
    expect(page.match(/<title>/g)).toHaveLength(1);
  });

  it('closes what it opens, in order', async () => {
    for (const page of [await hostilePage(), await pageOf()]) {
      const open: string[] = [];
      for (const [, close, tag = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
        if (['meta', 'img', 'br'].includes(tag)) continue;
        if (close === '') open.push(tag);
        else expect(open.pop()).toBe(tag);
      }
      expect(open).toEqual([]);
    }
  });
});

describe('a template', () => {
  it('makes no markup of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...`<>"'&ab=/\u0000\u202e\ud800\udc00${HOSTILE}`) }), (text) => {
        const { text: made } = html`<a title="${text}">${text}</a>`;
        expect(made).toMatch(/^<a title="[^"<>]*">[^"<>]*<\/a>$/);
      }),
    );
  });

  it('takes no object for markup because it has a text, such as an annotation', () => {
    const annotations = [{ text: '<script>' }];
    // @ts-expect-error: only `html` makes markup.
    const wrong = () => html`<p>${annotations}</p>`.text;
    expect(wrong).toThrow();
    expect(html`<ul>${[html`<li>${'<b>'}</li>`]}</ul>`.text).toBe('<ul><li>&lt;b&gt;</li></ul>');
  });
});

function redPixels(file: Buffer): number {
  const { data } = PNG.sync.read(file);
  let red = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] === 0xd5 && data[i + 1] === 0x36) red += 1;
  return red;
}
