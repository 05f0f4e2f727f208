import { describe, expect, it } from 'vitest';
import { durationText } from '../../../../server/analysis/text.ts';
import { pack16 } from '../../../../server/protocol/links.ts';
import type { MeshBuilder } from '../../../support/mesh.ts';
import { reportOf, slowPod, spoiled } from '../../../support/report-scene.ts';

/** Experiment 2, but the fault was over before the end of the range: each link is fine at its end. */
function over(n = 4): MeshBuilder {
  const builder = slowPod(n);
  for (const { links } of builder.reports) links.totalUs.fill(pack16(500));
  return builder;
}

async function textsOf(...scene: Parameters<typeof reportOf>) {
  const report = await reportOf(...scene);
  const page = [...report.page()].join('');
  const findings = /Findings in the range &quot;during&quot;<\/h2>(.*?)<\/section>/s.exec(page)?.[1];
  return { title: report.data.title, findings };
}

describe('the title of a report', () => {
  it('is the gravest finding about links', async () => {
    expect((await textsOf()).title).toMatch(/^Report: pod-3/);
  });

  it('says how far a fault reached that was over at the end of the range', async () => {
    const { title, findings } = await textsOf({ during: over() });
    expect(title).toBe('Report: 4 of 16 links became worse, to pod-3');
    expect(findings).toBe('<p>None at the end of the range, but 4 of 16 links became worse, to pod-3.</p>');
  });

  it('prefers that to a missing report, and to what was already so before', async () => {
    const during = over(5);
    during.silence(1);
    expect((await textsOf({ during, before: spoiled(5) })).title).toBe('Report: 4 of 20 links became worse, to pod-4');
    const failed = (builder: MeshBuilder) => {
      builder.set(0, 1, { outcome: 'refused', phase: 'connect' });
      return builder;
    };
    const { title } = await textsOf({ during: failed(over()), before: failed(spoiled(4)) });
    expect(title).toBe('Report: 4 of 16 links became worse, to pod-3');
  });

  it('names the sources if they are fewer than the destinations', async () => {
    const during = spoiled(4, (builder) => builder.each((from) => from === 2, { connectUs: 120_000 }));
    for (const { links } of during.reports) links.totalUs.fill(pack16(500));
    expect((await textsOf({ during })).title).toBe('Report: 3 of 16 links became worse, from pod-2');
  });

  it('says that there are no findings', async () => {
    const { title, findings } = await textsOf({ during: spoiled(4) });
    expect([title, findings]).toEqual(['Report: no findings', '<p>None.</p>']);
    const missing = await textsOf({ during: spoiled(4, (builder) => builder.silence(1)) });
    expect(missing.title).toMatch(/^Report: pod-1: did not report/);
  });

  it('is the one in the query', async () => {
    expect((await textsOf({ query: { title: 'Friday' } })).title).toBe('Friday');
  });
});

describe('a duration as text', () => {
  it.each([
    [0, '0.0 s'],
    [3_100, '3.1 s'],
    [42_400, '42 s'],
    [59_700, '1 min'],
    [126_000, '2 min 6 s'],
    [3_600_000, '1 h'],
    [5_430_000, '1 h 30 min'],
  ])('%i ms: %s', (ms, text) => expect(durationText(ms)).toBe(text));
});
