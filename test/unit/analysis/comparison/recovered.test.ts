import { describe, expect, it } from 'vitest';
import { pack16 } from '../../../../server/protocol/links.ts';
import { type LinkFault, type MeshBuilder, podOf } from '../../../support/mesh.ts';
import { eventOf, eventsOf, FROM_MS, reportOf, slowReport, spoiled, TO_MS } from './scene.ts';

const REFUSED: LinkFault = { outcome: 'refused', phase: 'connect' };

/** What a report says of four pods, the last of which was slow, and afterwards as wished. */
async function told(after: MeshBuilder) {
  const [a, b, c, chaos] = after.pods;
  if (!a || !b || !c || !chaos) throw new Error('four pods');
  const events = eventsOf([
    eventOf('link-slow', FROM_MS + 1_000, chaos, [a, b, c]),
    eventOf('link-normal', TO_MS + 1_000, chaos, [a]),
  ]);
  const { affected, timeToRecover } = (await reportOf({ during: slowReport(), after, events })).data;
  return { ...affected, words: timeToRecover.words };
}

describe('whether affected links have recovered', () => {
  it('is not so where they fail instead, though one has', async () => {
    const after = spoiled(4, (builder) => builder.each((from, to) => to === 3 && from > 0, REFUSED, true));
    // Refused at once: not slow, and not well.
    for (const { links } of after.reports) links.totalUs.fill(pack16(400));
    expect(await told(after)).toMatchObject({
      links: 4,
      stillBad: 3,
      words: expect.stringMatching(/^Not recovered: 3 of 4 affected links still/),
    });
  });

  it('is so though the last of many samples was late by chance', async () => {
    const after = spoiled(4);
    for (const { links } of after.reports) links.totalUs.fill(pack16(180_000));
    expect(await told(after)).toMatchObject({ stillBad: 0, words: expect.stringMatching(/^Recovered at 14:57:01/) });
  });

  it('is not known of those that are no longer probed', async () => {
    const after = spoiled(4, (builder) => {
      builder.pods[3] = podOf(3, { lifecycle: 'gone' });
      builder.silence(3, 'no-history');
      for (const [from, report] of builder.reports.entries())
        if (from < 3) report.stats?.samples.fill(0, 3 - from, 4 - from);
    });
    expect(await told(after)).toMatchObject({
      ...{ links: 4, stillBad: 0, unprobed: 4 },
      words: expect.stringMatching(/; but 4 of 4 affected links are no longer probed$/),
    });
  });
});
