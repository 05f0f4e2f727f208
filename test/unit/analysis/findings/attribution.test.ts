import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FindingKind } from '../../../../server/protocol/finding.ts';
import { chance } from '../../../support/feed/plan.ts';
import { LATE_ANSWER, LATE_NETWORK, type LinkFault, MeshBuilder, REFUSED, TIMEOUT } from '../../../support/mesh.ts';

/** Draws a number from 0 to below `limit`; the same numbers for the same seed. */
type Pick = (limit: number) => number;

interface Cause {
  /** The fewest pods among which the cause can be found. */
  minPods: number;
  shape?: ConstructorParameters<typeof MeshBuilder>[1];
  /** Makes links bad. Returns the kind and the subject of the expected finding. */
  plant(mesh: MeshBuilder, pick: Pick): [FindingKind, string];
}

const name = (pod: number) => `pod-${pod}`;

/** One pod is bad, as `spoil` makes it; the first pod, which collects the mesh, only if `isAny`. */
function onePod(
  minPods: number,
  kind: FindingKind,
  spoil: (mesh: MeshBuilder, pod: number) => void,
  isAny = true,
): Cause {
  return {
    minPods,
    plant: (mesh, pick) => {
      const pod = isAny ? pick(mesh.size) : 1 + pick(mesh.size - 1);
      spoil(mesh, pod);
      return [kind, name(pod)];
    },
  };
}

/** The links between two pods are bad, in one direction or in both. */
function onePair(minPods: number, kind: FindingKind, fault: LinkFault, isMutual = false): Cause {
  return {
    minPods,
    plant: (mesh, pick) => {
      const from = pick(mesh.size);
      const to = (from + 1 + pick(mesh.size - 1)) % mesh.size;
      mesh.set(from, to, fault);
      if (isMutual) mesh.set(to, from, fault);
      const [first, second] = isMutual ? [Math.min(from, to), Math.max(from, to)] : [from, to];
      return [kind, `${name(first)} ${isMutual ? '⇄' : '→'} ${name(second)}`];
    },
  };
}

/** A node with two pods is bad: all its links to other nodes fail. A dead one's pods do not report, nor reach each other. */
function oneNode(minPods: number, isDead: boolean): Cause {
  return {
    minPods,
    shape: { perNode: 2, zones: isDead ? 3 : 0 },
    plant: (mesh, pick) => {
      const first = isDead ? 1 : 0;
      const node = first + pick(Math.floor(mesh.size / 2) - first);
      const isOn = (pod: number) => mesh.pods[pod]?.node === `node-${node}`;
      mesh.each((from, to) => (isDead ? isOn(to) || isOn(from) : isOn(to) !== isOn(from)), TIMEOUT);
      for (let pod = 0; pod < mesh.size; pod++) if (isDead && isOn(pod)) mesh.silence(pod);
      return ['node', `node node-${node}`];
    },
  };
}

const blockedZone: Cause = {
  minPods: 9,
  shape: { zones: 3 },
  plant: (mesh, pick) => {
    const [from, to] = [pick(3), pick(2)];
    const [a, b] = [`zone-${from}`, `zone-${(from + 1 + to) % 3}`];
    mesh.each((x, y) => mesh.pods[x]?.zone === a && mesh.pods[y]?.zone === b, TIMEOUT);
    return ['zone-block', `zone ${a} → zone ${b}`];
  },
};

const CAUSES: Record<string, Cause> = {
  'a dead pod': onePod(3, 'pod-unreachable', (mesh, pod) => mesh.into(pod, TIMEOUT).silence(pod), false),
  'a pod that refuses all and reaches all': onePod(4, 'pod-unreachable', (mesh, pod) => mesh.into(pod, REFUSED, true)),
  'a pod that is cut off in both directions': onePod(4, 'pod-unreachable', (mesh, pod) =>
    mesh.into(pod, TIMEOUT).outOf(pod, TIMEOUT),
  ),
  'a pod that reaches nobody, or claims to': onePod(3, 'pod-reaches-nobody', (mesh, pod) => mesh.outOf(pod, TIMEOUT)),
  'a dead node': oneNode(6, true),
  'a node that is cut off, whose pods still report': oneNode(8, false),
  'a block from zone to zone': blockedZone,
  'one direction of one pair': onePair(3, 'one-way', TIMEOUT),
  'one pair, both directions': onePair(4, 'link', TIMEOUT, true),
  'a pod behind a slow proxy': onePod(3, 'pod-slow', (mesh, pod) => mesh.into(pod, LATE_ANSWER, true)),
  'a pod with a slow network, both ways': onePod(4, 'pod-slow', (mesh, pod) =>
    mesh.into(pod, LATE_NETWORK).outOf(pod, LATE_NETWORK),
  ),
  'a pod that reaches others slowly': onePod(3, 'pod-slow-out', (mesh, pod) => mesh.outOf(pod, LATE_NETWORK)),
  'one slow link': onePair(3, 'link-slow', LATE_NETWORK),
  'a starved pod': onePod(3, 'cpu-starved', (mesh, pod) => mesh.starve(pod)),
  'a pod that does not report': onePod(3, 'report-missing', (mesh, pod) => mesh.silence(pod, 'malformed'), false),
};

/**
 * Makes random links bad once: one link in a hundred fails and one in 400 is late; of ten pods or fewer one link fails. Links
 * of the pods `without` are left alone. Returns the names of the bad links.
 */
function addNoise(mesh: MeshBuilder, random: () => number, without: string[]): Set<string> {
  const noisy = new Set<string>();
  const n = mesh.size;
  const makeBad = (fault: LinkFault) => {
    const [from, to] = [Math.floor(random() * n), Math.floor(random() * n)];
    const isOk = mesh.reports[from]?.links.outcome[(to - from + n) % n] === 0;
    if (!isOk || from === to || !mesh.has(from, to)) return false;
    if (without.includes(name(from)) || without.includes(name(to))) return false;
    noisy.add(`${name(from)} → ${name(to)}`);
    mesh.set(from, to, fault);
    return true;
  };
  const times = (count: number, fault: LinkFault) => {
    for (let tries = 0; count > 0 && tries < n * n; tries++) if (makeBad(fault)) count -= 1;
  };
  times(Math.max(1, Math.round(n * n * 0.01)), { outcome: 'timeout', fresh: true });
  if (n > 10) times(Math.round(n * n * 0.0025), { ...LATE_ANSWER, fresh: true });
  return noisy;
}

/** The findings without links that fail by chance: each is one, or all are one together. */
function withoutNoise(found: string[][], noisy: ReadonlySet<string>): string[][] {
  return found.filter(([, subject = '']) => !noisy.has(subject.replace('⇄', '→')) && !/^[\d,]+ links$/.test(subject));
}

/** The pods of a cause that is a single link: another link of theirs that fails by chance would be part of the cause. */
function namedIn([kind, subject]: [FindingKind, string]): string[] {
  return LINK_KINDS.includes(kind) || kind === 'report-missing' ? subject.split(/ . /) : [];
}

const LINK_KINDS: FindingKind[] = ['link', 'one-way', 'link-slow'];

describe.each(Object.entries(CAUSES))('%s', (_, { minPods, shape, plant }) => {
  /** Plants the cause in a mesh. Returns the expected finding, those found, and the names of the links that chance made bad. */
  function planted(size: number, seed: number, hasNoise = true) {
    let drawn = 0;
    const random = () => chance(seed, drawn++);
    const mesh = new MeshBuilder(size, shape);
    const expected = plant(mesh, (limit) => Math.floor(random() * limit));
    const noisy = hasNoise ? addNoise(mesh, random, namedIn(expected)) : new Set<string>();
    return { expected, noisy, found: mesh.findings().map(({ kind, subject }) => [kind, subject]) };
  }

  it('is the only finding', () => {
    for (const size of [3, 4, 5, 6, 8, 9, 12, 20, 37, 60, 120]) {
      if (size < minPods) continue;
      const { expected, found } = planted(size, size, false);
      expect([size, found]).toEqual([size, [expected]]);
    }
  });

  it('is the only cause although one link in a hundred fails or is late by chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(14, minPods), max: 70 }), fc.integer(), (size, seed) => {
        const { expected, noisy, found } = planted(size, seed);
        expect(withoutNoise(found, noisy)).toEqual([expected]);
      }),
      { numRuns: 16, examples: [[500, 500]] },
    );
  });

  it('is found among few pods, and besides it only the one link that is bad by chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(minPods, 4), max: 10 }), fc.integer(), (size, seed) => {
        const { expected, noisy, found } = planted(size, seed);
        expect(found).toContainEqual(expected);
        for (const [kind, subject] of found.filter((one) => one[1] !== expected[1])) {
          expect([LINK_KINDS.includes(kind as FindingKind), [...noisy]]).toEqual([true, [subject]]);
        }
      }),
      { numRuns: 25 },
    );
  });
});
