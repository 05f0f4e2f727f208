import { describe, expect, it } from 'vitest';
import { pack16 } from '../../../../server/protocol/links.ts';
import type { MeshBuilder } from '../../../support/mesh.ts';
import { reportOf, slowReport, spoiled } from './scene.ts';

/** Experiment 2 whose fault was over before its range was: each link is fine at the end, and had been slow. */
function over(n = 4): MeshBuilder {
  const builder = slowReport(n);
  for (const { links } of builder.reports) links.totalUs.fill(pack16(500));
  return builder;
}

async function told(...scene: Parameters<typeof reportOf>) {
  const report = await reportOf(...scene);
  const page = [...report.page()].join('');
  const findings = /Findings in the range "during"<\/h2>(.*?)<\/section>/s.exec(page)?.[1];
  return { title: report.data.title, findings };
}

describe('the title of a report', () => {
  it('is the gravest finding about links', async () => {
    expect((await told()).title).toMatch(/^Report: pod-3/);
  });

  it('of a fault that was over at the end says how far it reached, not that nothing stood out', async () => {
    const { title, findings } = await told({ during: over() });
    expect(title).toBe('Report: 4 of 16 links became worse, to pod-3');
    expect(findings).toBe('<p>Nothing stood out any more at its end, but 4 of 16 links became worse, to pod-3.</p>');
  });

  it('prefers that to a report that is missing, and to what was so before', async () => {
    const during = over(5);
    during.silence(1);
    expect((await told({ during, before: spoiled(5) })).title).toBe('Report: 4 of 20 links became worse, to pod-4');
    const failed = (builder: MeshBuilder) => {
      builder.set(0, 1, { outcome: 'refused', phase: 'connect' });
      return builder;
    };
    const { title } = await told({ during: failed(over()), before: failed(spoiled(4)) });
    expect(title).toBe('Report: 4 of 16 links became worse, to pod-3');
  });

  it('names the probing end where that is fewer pods', async () => {
    const during = spoiled(4, (builder) => builder.each((from) => from === 2, { connectUs: 120_000 }));
    for (const { links } of during.reports) links.totalUs.fill(pack16(500));
    expect((await told({ during })).title).toBe('Report: 3 of 16 links became worse, from pod-2');
  });

  it('is that nothing stood out where nothing did', async () => {
    const { title, findings } = await told({ during: spoiled(4) });
    expect([title, findings]).toEqual(['Report: nothing stood out', '<p>Nothing stood out.</p>']);
    const missing = await told({ during: spoiled(4, (builder) => builder.silence(1)) });
    expect(missing.title).toMatch(/^Report: pod-1: did not report/);
  });

  it('is what was asked for', async () => {
    expect((await told({ wish: { title: 'Friday' } })).title).toBe('Friday');
  });
});
