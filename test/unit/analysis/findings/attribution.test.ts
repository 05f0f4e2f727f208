import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding, FindingKind } from '../../../../server/protocol/finding.ts';
import { chance } from '../../../support/feed/random.ts';
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
const other = (builder: MeshBuilder, pod: number, pick: Pick) => (pod + 1 + pick(builder.size - 1)) % builder.size;
const name = (pod: number) => `pod-${pod}`;

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
  'a pod that refuses all and reaches all': {
    minPods: 4,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((_, to) => to === pod, { outcome: 'refused', phase: 'connect' }, true);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that is cut off in both directions': {
    minPods: 4,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from, to) => (from === pod) !== (to === pod), TIMEOUT);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that reaches nobody, or claims to': {
    minPods: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from) => from === pod, TIMEOUT);
      return ['pod-reaches-nobody', name(pod)];
    },
  },
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
  'one direction of one pair': {
    minPods: 3,
    plant: (builder, pick) => {
      const from = pick(builder.size);
      const to = other(builder, from, pick);
      builder.set(from, to, TIMEOUT);
      return ['one-way', `${name(from)} → ${name(to)}`];
    },
  },
  'one pair, both directions': {
    minPods: 4,
    plant: (builder, pick) => {
      const from = pick(builder.size);
      const to = other(builder, from, pick);
      builder.set(from, to, TIMEOUT);
      builder.set(to, from, TIMEOUT);
      return ['link', `${name(Math.min(from, to))} ⇄ ${name(Math.max(from, to))}`];
    },
  },
  'a pod behind a slow proxy': {
    minPods: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((_, to) => to === pod, LATE_ANSWER, true);
      return ['pod-slow', name(pod)];
    },
  },
  'a pod with a slow network, both ways': {
    minPods: 4,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from, to) => (from === pod) !== (to === pod), LATE_NETWORK);
      return ['pod-slow', name(pod)];
    },
  },
  'a pod that reaches others slowly': {
    minPods: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from) => from === pod, LATE_NETWORK);
      return ['pod-slow-out', name(pod)];
    },
  },
  'one slow link': {
    minPods: 3,
    plant: (builder, pick) => {
      const from = pick(builder.size);
      const to = other(builder, from, pick);
      builder.set(from, to, LATE_NETWORK);
      return ['link-slow', `${name(from)} → ${name(to)}`];
    },
  },
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

/** The pods of a cause that is a single link: another link of theirs that fails by chance would be part of the cause. */
function namedIn([kind, subject]: [FindingKind, string]): string[] {
  return LINK_KINDS.includes(kind) || kind === 'report-missing' ? subject.split(/ . /) : [];
}

function randomOf(seed: number): () => number {
  let drawn = 0;
  return () => chance(seed, drawn++);
}

const LINK_KINDS: FindingKind[] = ['link', 'one-way', 'link-slow'];
const kindAndSubject = ({ kind, subject }: Finding) => [kind, subject];

describe.each(Object.entries(CAUSES))('%s', (_, { minPods, shape, plant }) => {
  const sizes = [3, 4, 5, 6, 8, 9, 12, 20, 37, 60, 120].filter((size) => size >= minPods);

  it('is the only finding', () => {
    for (const size of sizes) {
      const random = randomOf(size);
      const builder = new MeshBuilder(size, shape);
      const expected = plant(builder, (limit) => Math.floor(random() * limit));
      expect([size, builder.findings().map(kindAndSubject)]).toEqual([size, [expected]]);
    }
  });

  it('is the only finding although one link in a hundred fails or is late by chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(14, minPods), max: 70 }), fc.integer(), (size, seed) => {
        const random = randomOf(seed);
        const builder = new MeshBuilder(size, shape);
        const expected = plant(builder, (limit) => Math.floor(random() * limit));
        addNoise(builder, random, namedIn(expected));
        expect(builder.findings().map(kindAndSubject)).toEqual([expected]);
      }),
      { numRuns: 15 },
    );
  });

  it('is the only finding among 500 pods', () => {
    const random = randomOf(500);
    const builder = new MeshBuilder(500, shape);
    const expected = plant(builder, (limit) => Math.floor(random() * limit));
    addNoise(builder, random, namedIn(expected));
    expect(builder.findings().map(kindAndSubject)).toEqual([expected]);
  });

  it('is found among few pods, and besides it only the one link that is bad by chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(minPods, 4), max: 10 }), fc.integer(), (size, seed) => {
        const random = randomOf(seed);
        const builder = new MeshBuilder(size, shape);
        const expected = plant(builder, (limit) => Math.floor(random() * limit));
        const noisy = addNoise(builder, random, namedIn(expected));
        const found = builder.findings().map(kindAndSubject);
        expect(found).toContainEqual(expected);
        const others = found.filter(([, subject]) => subject !== expected[1]);
        for (const [kind, subject] of others)
          expect([LINK_KINDS.includes(kind as FindingKind), [...noisy]]).toEqual([true, [subject]]);
      }),
      { numRuns: 25 },
    );
  });
});
