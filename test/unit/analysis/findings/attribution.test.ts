import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FindingKind } from '../../../../server/protocol/finding.ts';
import { chance } from '../../../support/feed/plan.ts';
import { LATE_ANSWER, LATE_NETWORK, type LinkFault, MeshBuilder } from '../../../support/mesh.ts';

/** Draws a number from 0 to below `limit`; the same numbers for the same seed. */
type Pick = (limit: number) => number;

interface Cause {
  /** The fewest pods among which the cause can be found. */
  minPods: number;
  shape?: ConstructorParameters<typeof MeshBuilder>[1];
  /** Makes links bad. Returns the kind and the subject of the expected finding. */
  plant(builder: MeshBuilder, pick: Pick): [FindingKind, string];
}

const TIMEOUT: LinkFault = { outcome: 'timeout', phase: 'connect' };
const REFUSED: LinkFault = { outcome: 'refused', phase: 'connect' };
const name = (pod: number) => `pod-${pod}`;

/** Links of one pod are bad: those that `isBad` selects, and with `alsoSelf` its link to itself. */
function onePod(
  minPods: number,
  kind: FindingKind,
  fault: LinkFault,
  isBad: (from: number, to: number, pod: number) => boolean,
  alsoSelf = false,
): Cause {
  return {
    minPods,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from, to) => isBad(from, to, pod), fault, alsoSelf);
      return [kind, name(pod)];
    },
  };
}

/** The links between two pods are bad, in one direction or in both. */
function onePair(minPods: number, kind: FindingKind, fault: LinkFault, isMutual = false): Cause {
  return {
    minPods,
    plant: (builder, pick) => {
      const from = pick(builder.size);
      const to = (from + 1 + pick(builder.size - 1)) % builder.size;
      builder.set(from, to, fault);
      if (isMutual) builder.set(to, from, fault);
      const [first, second] = isMutual ? [Math.min(from, to), Math.max(from, to)] : [from, to];
      return [kind, `${name(first)} ${isMutual ? '⇄' : '→'} ${name(second)}`];
    },
  };
}

const CAUSES: Record<string, Cause> = {
  'a dead pod': {
    minPods: 3,
    plant: (builder, pick) => {
      const pod = 1 + pick(builder.size - 1);
      builder.each((_, to) => to === pod, TIMEOUT);
      builder.silence(pod);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that refuses all and reaches all': onePod(4, 'pod-unreachable', REFUSED, (_, to, pod) => to === pod, true),
  'a pod that is cut off in both directions': onePod(
    4,
    'pod-unreachable',
    TIMEOUT,
    (from, to, pod) => (from === pod) !== (to === pod),
  ),
  'a pod that reaches nobody, or claims to': onePod(3, 'pod-reaches-nobody', TIMEOUT, (from, _, pod) => from === pod),
  'a dead node': {
    minPods: 6,
    shape: { perNode: 2, zones: 3 },
    plant: (builder, pick) => {
      const node = 1 + pick(Math.floor(builder.size / 2) - 1);
      const isOn = (pod: number) => builder.pods[pod]?.node === `node-${node}`;
      builder.each((from, to) => isOn(to) || isOn(from), TIMEOUT);
      for (let pod = 0; pod < builder.size; pod++) if (isOn(pod)) builder.silence(pod);
      return ['node', `node node-${node}`];
    },
  },
  'a node that is cut off, whose pods still report': {
    minPods: 8,
    shape: { perNode: 2 },
    plant: (builder, pick) => {
      const node = pick(Math.floor(builder.size / 2));
      const isOn = (pod: number) => builder.pods[pod]?.node === `node-${node}`;
      builder.each((from, to) => isOn(to) !== isOn(from), TIMEOUT);
      return ['node', `node node-${node}`];
    },
  },
  'a block from zone to zone': {
    minPods: 9,
    shape: { zones: 3 },
    plant: (builder, pick) => {
      const [from, to] = [pick(3), pick(2)];
      const [a, b] = [`zone-${from}`, `zone-${(from + 1 + to) % 3}`];
      builder.each((x, y) => builder.pods[x]?.zone === a && builder.pods[y]?.zone === b, TIMEOUT);
      return ['zone-block', `zone ${a} → zone ${b}`];
    },
  },
  'one direction of one pair': onePair(3, 'one-way', TIMEOUT),
  'one pair, both directions': onePair(4, 'link', TIMEOUT, true),
  'a pod behind a slow proxy': onePod(3, 'pod-slow', LATE_ANSWER, (_, to, pod) => to === pod, true),
  'a pod with a slow network, both ways': onePod(
    4,
    'pod-slow',
    LATE_NETWORK,
    (from, to, pod) => (from === pod) !== (to === pod),
  ),
  'a pod that reaches others slowly': onePod(3, 'pod-slow-out', LATE_NETWORK, (from, _, pod) => from === pod),
  'one slow link': onePair(3, 'link-slow', LATE_NETWORK),
  'a starved pod': {
    minPods: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.starve(pod);
      return ['cpu-starved', name(pod)];
    },
  },
  'a pod that is reached and does not report': {
    minPods: 3,
    plant: (builder, pick) => {
      const pod = 1 + pick(builder.size - 1);
      builder.silence(pod, 'malformed');
      return ['report-missing', name(pod)];
    },
  },
};

/**
 * Makes random links bad once: one link in a hundred fails and one in 400 is late; of ten pods or fewer one link fails. Links
 * of the pods `without` are left alone. Returns the names of the bad links.
 */
function addNoise(builder: MeshBuilder, random: () => number, without: string[]): Set<string> {
  const noisy = new Set<string>();
  const n = builder.size;
  const makeBad = (wish: LinkFault) => {
    const [from, to] = [Math.floor(random() * n), Math.floor(random() * n)];
    const isOk = builder.reports[from]?.links.outcome[(to - from + n) % n] === 0;
    if (!isOk || from === to || !builder.has(from, to)) return false;
    if (without.includes(name(from)) || without.includes(name(to))) return false;
    noisy.add(`${name(from)} → ${name(to)}`);
    builder.set(from, to, wish);
    return true;
  };
  const times = (count: number, wish: LinkFault) => {
    for (let tries = 0; count > 0 && tries < n * n; tries++) if (makeBad(wish)) count -= 1;
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
  const sizes = [3, 4, 5, 6, 8, 9, 12, 20, 37, 60, 120].filter((size) => size >= minPods);

  /** Plants the cause in a mesh. Returns the expected finding, those found, and the names of the links that chance made bad. */
  function planted(size: number, seed: number, hasNoise = true) {
    let drawn = 0;
    const random = () => chance(seed, drawn++);
    const builder = new MeshBuilder(size, shape);
    const expected = plant(builder, (limit) => Math.floor(random() * limit));
    const noisy = hasNoise ? addNoise(builder, random, namedIn(expected)) : new Set<string>();
    return { expected, noisy, found: builder.findings().map(({ kind, subject }) => [kind, subject]) };
  }

  it('is the only finding', () => {
    for (const size of sizes) {
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
      { numRuns: 15 },
    );
  });

  it('is the only cause among 500 pods', () => {
    const { expected, noisy, found } = planted(500, 500);
    expect(withoutNoise(found, noisy)).toEqual([expected]);
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
