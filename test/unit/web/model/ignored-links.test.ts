import { expect, it } from 'vitest';
import { summaryFacts } from '../../../../web/app/summary.ts';
import { foldPicture, foldWords } from '../../../../web/model/levels.ts';
import { chooseLinks } from '../../../../web/model/link-choice.ts';
import { linkFacts } from '../../../../web/model/link-facts.ts';
import { shownLinks } from '../../../../web/model/link-filter.ts';
import { stateAt } from '../../../../web/model/links.ts';
import { buildPicture } from '../../../../web/model/mesh-view.ts';
import { legendStates } from '../../../../web/model/messages.ts';
import { MeshBuilder, meshOf } from '../../../support/mesh.ts';
import { USUAL } from '../pictures.ts';

/** Pod 3 of six is dead, two pods are on each node. `isIgnored`: whether its node is cordoned, and left out. */
function pictureOf(isIgnored: boolean) {
  const builder = new MeshBuilder(6, { perNode: 2 }).withUdp();
  builder.each((from, to) => to === 3 && from !== 3, { outcome: 'timeout', phase: 'connect', udp: { windowLost: 90 } });
  builder.silence(3, 'timeout');
  const pods = builder.pods.map((pod, i) => (i === 3 && isIgnored ? { ...pod, cordon: 'ignored' as const } : pod));
  return buildPicture(meshOf(pods, builder.reports), USUAL);
}

it('links of pods that IGNORE_CORDONED leaves out are counted, filtered, drawn and told as nothing but left out', () => {
  const dead = pictureOf(false);
  expect([dead.counts.failed, dead.counts.unknown, dead.worst]).toEqual([5, 6, { from: 0, to: 3 }]);
  const picture = pictureOf(true);
  const { counts } = picture;
  expect([counts.failed, counts.unknown, counts.good + counts.fair, counts.ignored]).toEqual([0, 0, 25, 11]);
  expect(picture.worst?.to).not.toBe(3);
  expect(picture.lossyLinks).toBe(0);
  expect(summaryFacts(picture).links.map(({ count }) => count)).toEqual([25, 0, 0]);
  expect(picture.pods[3]).toMatchObject({ into: { failed: 0 }, health: 'unknown' });
  const request = { limit: 100, only: 'all' as const, selfLinks: false };
  expect(chooseLinks(picture, { ...request, pod: -1, onlyBad: true }).pairs).toEqual([]);
  // Those of a pod that is selected are drawn, pale.
  expect(chooseLinks(picture, { ...request, pod: 3 }).pairs).toHaveLength(10);
  expect([...shownLinks(picture, 'state:failed').state].some((code) => stateAt(code) === 'failed')).toBe(false);
  // What was measured can still be read.
  expect(linkFacts(picture, 1, 3)).toMatchObject({ state: 'ignored', outcome: 'timeout' });
  expect([legendStates(dead.counts), legendStates(counts)].map((states) => states.includes('ignored'))).toEqual([
    false,
    true,
  ]);
});

it('a link between nodes does not fail because of one that is left out', () => {
  const folding = { level: 'node' as const, unfolded: [] };
  const [dead, picture] = [false, true].map((isIgnored) => foldPicture(pictureOf(isIgnored), folding));
  expect(foldWords(dead!, 0, 1)).toBe('2 of 4 fail');
  expect(foldWords(picture!, 0, 1)).toBe('2 links');
  expect(picture!.counts.failed).toBe(0);
});
