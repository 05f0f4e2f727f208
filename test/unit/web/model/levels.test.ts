import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIFECYCLES } from '../../../../server/protocol/pod.ts';
import { axisStatesOf } from '../../../../web/model/axis-states.ts';
import type { Folding } from '../../../../web/model/fold.ts';
import {
  autoLevel,
  foldPicture,
  foldSelection,
  foldWords,
  KeptFolding,
  podLink,
  unfoldSelection,
} from '../../../../web/model/levels.ts';
import { linkFacts } from '../../../../web/model/link-facts.ts';
import { SEVERITY, stateAt } from '../../../../web/model/links.ts';
import { buildPicture, type Picture } from '../../../../web/model/mesh-view.ts';
import { cellSentence, podWords } from '../../../../web/model/messages.ts';
import { everyone, meshWith, pictureOf, reportOf, USUAL } from '../pictures.ts';

const NODES: Folding = { level: 'node', unfolded: [] };
const ZONES: Folding = { level: 'zone', unfolded: [] };

/** The key of the node of a pod. */
const nodeOf = (picture: Picture, pod: number) => `node:${picture.mesh.pods[pod]?.node}`;

/** Small meshes with any states, on up to 4 nodes in up to 3 zones, and any folding of them. */
const anyFold = fc
  .record({
    places: fc.array(fc.tuple(fc.nat(3), fc.nat(2), fc.constantFrom(...LIFECYCLES)), { minLength: 1, maxLength: 7 }),
    links: fc.array(fc.record({ outcome: fc.constantFrom(0, 0, 1, 3), totalUs: fc.nat(300_000) }), {
      minLength: 49,
      maxLength: 49,
    }),
    missing: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    level: fc.constantFrom('node' as const, 'zone' as const),
    open: fc.array(fc.constantFrom('node:n0', 'node:n1', 'node:', 'zone:z0', 'zone:z1'), { maxLength: 4 }),
  })
  .map(({ places, links, missing, level, open }) => {
    const n = places.length;
    const reports = places.map((_, from) =>
      missing[from]
        ? reportOf(from, [], { missing: 'timeout' })
        : reportOf(
            from,
            places.map((__, to) => ({ to, ...links[from * 7 + to] })),
          ),
    );
    const mesh = meshWith(n, reports, (_, i) => {
      const [node = 0, zone = 0, lifecycle = 'ready'] = places[i] ?? [];
      return { lifecycle, node: node === 3 ? '' : `n${node}`, zone: `z${zone}` };
    });
    const pods = buildPicture(mesh, USUAL);
    return { pods, folded: foldPicture(pods, { level, unfolded: open }) };
  });

describe('a folded picture', () => {
  test('says in words how many links a cell stands for, and the facts of the worst of them', () => {
    const base = pictureOf({ pods: 12, scenario: 'dead-pod', nodes: 4 });
    const picture = foldPicture(base, NODES);
    const dead = picture.fold?.groupOf[11] ?? 0;
    const other = dead === 0 ? 1 : 0;
    expect(foldWords(picture, other, dead)).toBe('3 of 9 fail');
    expect(cellSentence(picture, other, dead)).toMatch(/, 3 of 9 fail$/);
    const link = podLink(picture, other, dead);
    expect(link.to).toBe(11);
    expect(linkFacts(picture, other, dead)).toEqual(linkFacts(base, link.from, link.to));
  });

  test('unfolds a node into its pods, and a zone into its nodes', () => {
    const base = pictureOf({ pods: 30, scenario: 'healthy', nodes: 6, zones: 2 });
    const node = nodeOf(base, 7);
    const zone = `zone:${base.mesh.pods[7]?.zone}`;
    expect(foldPicture(base, { level: 'node', unfolded: [node] }).n).toBe(5 + 5);
    expect(foldPicture(base, { level: 'zone', unfolded: [zone] }).n).toBe(1 + 3);
    expect(foldPicture(base, { level: 'zone', unfolded: [zone, node] }).n).toBe(1 + 2 + 5);
    // An unfolded node in a folded zone stays hidden.
    expect(foldPicture(base, { level: 'zone', unfolded: [node] }).n).toBe(2);
    expect(foldPicture(base, { level: 'pod', unfolded: [] })).toBe(base);
  });

  test('with a starting pod says since when that one is, not since when the others are ready', () => {
    const reports = [0, 2, 3].map((pod) => reportOf(pod, everyone(4)));
    const mesh = meshWith(4, reports, ({ sinceMs }, i) => ({
      node: i < 2 ? 'a' : 'b',
      ...(i === 1 && { lifecycle: 'starting', sinceMs: sinceMs + 1000 }),
    }));
    const picture = foldPicture(buildPicture(mesh, USUAL), NODES);
    const { sinceMs } = mesh.pods[1]!;
    expect(podWords(picture, picture.pods[0]!, sinceMs + 6000)).toMatchObject({ state: 'Starting', note: 'for 6 s' });
  });

  test('is gone since its last pod left', () => {
    const mesh = meshWith(
      4,
      [0, 1].map((pod) => reportOf(pod, everyone(4))),
      ({ sinceMs }, i) => ({
        node: i < 2 ? 'a' : 'b',
        ...(i >= 2 && { lifecycle: 'gone', sinceMs: sinceMs + i * 60_000 }),
      }),
    );
    const picture = foldPicture(buildPicture(mesh, USUAL), NODES);
    const { sinceMs } = mesh.pods[3]!;
    expect(podWords(picture, picture.pods[1]!, sinceMs + 6000)).toMatchObject({ state: 'Gone 6 s' });
  });

  test('keeps findings: they name groups, and mark their rows and columns', () => {
    const picture = foldPicture(pictureOf({ pods: 120, scenario: 'dead-node' }), NODES);
    const { rows } = axisStatesOf(picture);
    const dead = picture.pods.findIndex(({ health }) => health === 'failing');
    expect([...rows].map((code) => code >= 0 && stateAt(code) === 'failed').indexOf(true)).toBe(dead);
    expect(picture.mesh.findings[0]?.pods).toEqual([dead]);
  });

  test('is never better than the worst link that it stands for, whose latency it shows', () => {
    fc.assert(
      fc.property(anyFold, ({ pods, folded }) => {
        const { groupOf } = folded.fold!;
        for (let pair = 0; pair < pods.n * pods.n; pair++) {
          const at = groupOf[Math.floor(pair / pods.n)]! * folded.n + groupOf[pair % pods.n]!;
          const [cell, link] = [SEVERITY[folded.state[at]!]!, SEVERITY[pods.state[pair]!]!];
          if (stateAt(pods.state[pair]) === 'warning') continue;
          expect(cell).toBeGreaterThanOrEqual(link);
          if (cell === link && pods.valueUs[pair]! >= 0)
            expect(folded.valueUs[at]).toBeGreaterThanOrEqual(pods.valueUs[pair]!);
        }
        for (let at = 0; at < folded.n * folded.n; at++) {
          expect(folded.state[at]).toBe(pods.state[folded.fold!.worstLink[at]!]);
        }
      }),
    );
  });

  test('is late only if more than a tenth of its links are, because in every cluster single ones are', () => {
    const late = (count: number) => {
      const ten = [...Array(10).keys()];
      const reports = ten.map((from) =>
        reportOf(
          from,
          ten.map((i) => ({ to: 10 + i, totalUs: from * 10 + i < count ? 7000 + from : 1000 })),
        ),
      );
      const mesh = meshWith(20, reports, (_, i) => ({ node: i < 10 ? 'a' : 'b' }));
      const folded = foldPicture(buildPicture(mesh, USUAL), NODES);
      return [stateAt(folded.state[1]), folded.valueUs[1], foldWords(folded, 0, 1)];
    };
    expect(late(10)).toEqual(['good', 1000, '100 links']);
    expect(late(11)).toEqual(['warning', 7001, '11 of 100 are late']);
  });

  test('loses no link and no pod: the counts of its cells add up to those of the pods', () => {
    fc.assert(
      fc.property(anyFold, ({ pods, folded }) => {
        const fold = folded.fold!;
        expect(fold.groups.flatMap((group) => group.pods).sort((a, b) => a - b)).toEqual([...pods.pods.keys()]);
        const inState = new Uint32Array(folded.n ** 2);
        for (const [pair, code] of pods.state.entries()) {
          const [from, to] = [fold.groupOf[Math.floor(pair / pods.n)]!, fold.groupOf[pair % pods.n]!];
          if (code === folded.state[from * folded.n + to]) inState[from * folded.n + to]!++;
        }
        expect(fold.inState).toEqual(inState);
        const all = fold.links.reduce((sum, links) => sum + links, 0);
        expect(all).toBe(pods.n ** 2 - pods.counts.gone - pods.counts['not-probed'] - pods.counts['not-yet']);
      }),
    );
  });

  test('with everything unfolded is the picture of the pods', () => {
    fc.assert(
      fc.property(anyFold, ({ pods, folded: { fold } }) => {
        const unfolded = pods.mesh.pods.flatMap(({ node, zone }) => [`node:${node}`, `zone:${zone}`]);
        const all = foldPicture(pods, { level: fold!.level, unfolded });
        for (const part of ['state', 'unreliable', 'valueUs', 'into', 'outOf', 'counts', 'worst'] as const) {
          expect(all[part]).toEqual(pods[part]);
        }
        const seen = ({ name, health, into, outOf }: Picture['pods'][number]) => [name, health, into, outOf];
        expect(all.pods.map(seen)).toEqual(pods.pods.map(seen));
      }),
    );
  });
});

describe('the level is chosen so that every finding shows, as coarse as that allows:', () => {
  const chosen = (options: Parameters<typeof pictureOf>[0]) => {
    const picture = pictureOf(options);
    return { picture, folding: autoLevel(picture), folded: foldPicture(picture, autoLevel(picture)) };
  };

  const podLevel: Folding = { level: 'pod', unfolded: [] };
  test.each([
    ['fewer than twelve pods are never folded', { pods: 11, scenario: 'dead-pod', nodes: 3 }, podLevel],
    ['but twelve are', { pods: 12, scenario: 'dead-node', nodes: 3 }, NODES],
    ['a node of thirty dead pods is one failed node', { pods: 120, scenario: 'dead-node', nodes: 4 }, NODES],
    ['a healthy cluster is drawn by its nodes', { pods: 60, scenario: 'healthy', nodes: 6, zones: 3 }, NODES],
    ['one pod on each node is drawn by pods', { pods: 40, scenario: 'healthy', nodes: 40, zones: 0 }, podLevel],
    ['or by zones if they are known', { pods: 40, scenario: 'healthy', nodes: 40, zones: 4 }, ZONES],
  ] as const)('%s', (_rule, options, folding) => expect(chosen(options).folding).toEqual(folding));

  test('one bad pod unfolds its node and no other', () => {
    for (const scenario of ['dead-pod', 'slow-pod'] as const) {
      const { picture, folding } = chosen({ pods: 120, scenario, nodes: 12 });
      expect(folding).toEqual({ level: 'node', unfolded: [nodeOf(picture, 119)] });
    }
  });

  test('with more nodes than fit, by zones; a bad pod unfolds its zone and its node', () => {
    const { picture, folding, folded } = chosen({ pods: 600, scenario: 'dead-pod', nodes: 200, zones: 4 });
    expect(folding.level).toBe('zone');
    expect(folding.unfolded).toEqual([nodeOf(picture, 599), `zone:${picture.mesh.pods[599]?.zone}`]);
    expect(folded.n).toBeLessThan(60);
    expect(folded.pods.find(({ health }) => health === 'failing')?.name).toBe(picture.pods[599]?.name);
  });

  test('every failing pod is drawn by itself or in a group that fails as a whole, in any mesh', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 13, max: 90 }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom('dead-pod', 'dead-node', 'cut-off', 'mixed'),
        (pods, nodes, scenario) => {
          const { picture, folded } = chosen({ pods, nodes, scenario });
          for (const view of picture.pods.filter(({ foundIn }) => foundIn?.severity === 'failed')) {
            const group = folded.fold?.groups[folded.fold.groupOf[view.index] ?? -1];
            const others = group?.pods.filter((pod) => picture.pods[pod]?.health !== 'gone') ?? [];
            expect(others.every((pod) => picture.pods[pod]?.foundIn?.severity === 'failed')).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('what the reader unfolds is added to it', () => {
    const picture = pictureOf({ pods: 60, scenario: 'dead-pod', nodes: 6 });
    const { level, unfolded } = new KeptFolding().choose(picture, 'auto', [nodeOf(picture, 1)]);
    expect([level, unfolded]).toEqual(['node', [nodeOf(picture, 1), nodeOf(picture, 59)].sort()]);
    expect(new KeptFolding().choose(picture, 'zone', [])).toEqual(ZONES);
  });

  test('what it has unfolded stays so for a minute after its finding has ended', () => {
    const kept = new KeptFolding();
    const picture = pictureOf({ pods: 60, scenario: 'dead-pod', nodes: 6 });
    const later = (ms: number) => ({
      ...picture,
      mesh: { ...picture.mesh, atMs: picture.mesh.atMs + ms, findings: [] },
    });
    const unfolded = (shown: Picture) => kept.choose(shown, 'auto', []).unfolded;
    expect(unfolded(picture)).toEqual([nodeOf(picture, 59)]);
    expect(unfolded(later(60_000))).toEqual([nodeOf(picture, 59)]);
    expect(unfolded(later(60_001))).toEqual([]);
  });
});

test('a zone is cordoned only if all its pods are, and its reason is that of the pods whose stage it shows', () => {
  const zoneWith = (change: (pods: Picture['mesh']['pods']) => void) => {
    const picture = pictureOf({ pods: 12, scenario: 'healthy' }, ({ pods }) => {
      change(pods.filter(({ zone }) => zone === pods[0]!.zone));
    });
    const folded = foldPicture(picture, { level: 'zone', unfolded: [] });
    const { zone } = picture.mesh.pods[0]!;
    return podWords(folded, folded.pods.find(({ pod }) => pod.zone === zone)!, picture.mesh.atMs).note;
  };
  expect(zoneWith(([first]) => Object.assign(first!, { cordon: 'cordoned' }))).toBe('');
  expect(zoneWith((pods) => pods.map((pod) => Object.assign(pod, { cordon: 'cordoned' })))).toBe('cordoned');
  const pulling = { lifecycle: 'starting', reason: 'ImagePullBackOff' };
  expect(zoneWith((pods) => Object.assign(pods.at(-1)!, pulling))).toMatch(/^for .* \(ImagePullBackOff\)$/);
});

describe('a selection', () => {
  const base = pictureOf({ pods: 30, scenario: 'dead-pod', nodes: 5 });
  const bad = nodeOf(base, 29);
  const picture = foldPicture(base, { level: 'node', unfolded: [bad] });
  const uid = (pod: number) => base.mesh.pods[pod]?.uid ?? '';

  test('of a group unfolds it, of a pod is the pod', () => {
    expect(unfoldSelection(picture, { pod: nodeOf(base, 0) })).toEqual({ unfold: nodeOf(base, 0) });
    expect(unfoldSelection(picture, { pod: uid(29) })).toEqual({ pod: uid(29) });
    expect(unfoldSelection(base, { pod: uid(0) })).toEqual({ pod: uid(0) });
    expect(unfoldSelection(picture, null)).toBeNull();
  });

  test('of a link between groups is the worst link between their pods', () => {
    const group = (key: string) => picture.pods.findIndex(({ pod }) => pod.uid === key);
    const worst = podLink(picture, group(nodeOf(base, 0)), group(uid(29)));
    expect(unfoldSelection(picture, { from: nodeOf(base, 0), to: uid(29) })).toEqual({
      from: uid(worst.from),
      to: uid(29),
    });
    // A list in the view can name a link between pods.
    expect(unfoldSelection(picture, { from: uid(0), to: uid(1) })).toEqual({ from: uid(0), to: uid(1) });
  });

  test('is drawn at the groups of the selected pods', () => {
    expect(foldSelection(picture, { pod: uid(0) })).toEqual({ pod: nodeOf(base, 0) });
    expect(foldSelection(picture, { from: uid(0), to: uid(29) })).toEqual({ from: nodeOf(base, 0), to: uid(29) });
    expect(foldSelection(base, { pod: uid(0) })).toEqual({ pod: uid(0) });
  });
});
