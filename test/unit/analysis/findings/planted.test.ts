import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding, FindingKind } from '../../../../server/protocol/finding.ts';
import { chance } from '../../../support/feed/random.ts';
import { LATE_ANSWER, LATE_NETWORK, type LinkFault, MeshBuilder } from '../../../support/mesh.ts';

/** Numbers from 0 to below `limit`, the same for the same seed. */
type Pick = (limit: number) => number;

interface Cause {
  /** The fewest pods among which it can be told. */
  least: number;
  shape?: ConstructorParameters<typeof MeshBuilder>[1];
  /** Spoils the builder; gives what is to be named: kind and subject. */
  plant(builder: MeshBuilder, pick: Pick): [FindingKind, string];
}

const TIMEOUT: LinkFault = { outcome: 'timeout', phase: 'connect' };
const other = (builder: MeshBuilder, pod: number, pick: Pick) => (pod + 1 + pick(builder.size - 1)) % builder.size;
const name = (pod: number) => `pod-${pod}`;

const CAUSES: Record<string, Cause> = {
  'a dead pod': {
    least: 3,
    plant: (builder, pick) => {
      const pod = 1 + pick(builder.size - 1);
      builder.each((_, to) => to === pod, TIMEOUT);
      builder.silence(pod);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that refuses all and reaches all': {
    least: 4,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((_, to) => to === pod, { outcome: 'refused', phase: 'connect' }, true);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that is cut off in both directions': {
    least: 4,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from, to) => (from === pod) !== (to === pod), TIMEOUT);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that reaches nobody, or a liar who claims all others dead': {
    least: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from) => from === pod, TIMEOUT);
      return ['pod-reaches-nobody', name(pod)];
    },
  },
  'a dead node': {
    least: 6,
    shape: { perNode: 2, zones: 3 },
    plant: (builder, pick) => {
      const node = 1 + pick(Math.floor(builder.size / 2) - 1);
      const isOn = (pod: number) => builder.pods[pod]?.node === `node-${node}`;
      builder.each((from, to) => isOn(to) || isOn(from), TIMEOUT);
      for (let pod = 0; pod < builder.size; pod++) if (isOn(pod)) builder.silence(pod);
      return ['node', `node node-${node}`];
    },
  },
  'a node that is cut off, whose pods still tell': {
    least: 8,
    shape: { perNode: 2 },
    plant: (builder, pick) => {
      const node = pick(Math.floor(builder.size / 2));
      const isOn = (pod: number) => builder.pods[pod]?.node === `node-${node}`;
      builder.each((from, to) => isOn(to) !== isOn(from), TIMEOUT);
      return ['node', `node node-${node}`];
    },
  },
  'a block from zone to zone': {
    least: 9,
    shape: { zones: 3 },
    plant: (builder, pick) => {
      const [from, to] = [pick(3), pick(2)];
      const [a, b] = [`zone-${from}`, `zone-${(from + 1 + to) % 3}`];
      builder.each((x, y) => builder.pods[x]?.zone === a && builder.pods[y]?.zone === b, TIMEOUT);
      return ['zone-block', `zone ${a} → zone ${b}`];
    },
  },
  'one direction of one pair': {
    least: 3,
    plant: (builder, pick) => {
      const from = pick(builder.size);
      const to = other(builder, from, pick);
      builder.set(from, to, TIMEOUT);
      return ['one-way', `${name(from)} → ${name(to)}`];
    },
  },
  'one pair, both directions': {
    least: 4,
    plant: (builder, pick) => {
      const from = pick(builder.size);
      const to = other(builder, from, pick);
      builder.set(from, to, TIMEOUT);
      builder.set(to, from, TIMEOUT);
      return ['link', `${name(Math.min(from, to))} ⇄ ${name(Math.max(from, to))}`];
    },
  },
  'a pod behind a slow proxy': {
    least: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((_, to) => to === pod, LATE_ANSWER, true);
      return ['pod-slow', name(pod)];
    },
  },
  'a pod with a slow network, both ways': {
    least: 4,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from, to) => (from === pod) !== (to === pod), LATE_NETWORK);
      return ['pod-slow', name(pod)];
    },
  },
  'a pod that reaches others slowly': {
    least: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.each((from) => from === pod, LATE_NETWORK);
      return ['pod-slow-out', name(pod)];
    },
  },
  'one slow link': {
    least: 3,
    plant: (builder, pick) => {
      const from = pick(builder.size);
      const to = other(builder, from, pick);
      builder.set(from, to, LATE_NETWORK);
      return ['link-slow', `${name(from)} → ${name(to)}`];
    },
  },
  'a starved pod': {
    least: 3,
    plant: (builder, pick) => {
      const pod = pick(builder.size);
      builder.starve(pod);
      return ['cpu-starved', name(pod)];
    },
  },
  'a pod that is reached and does not report': {
    least: 3,
    plant: (builder, pick) => {
      const pod = 1 + pick(builder.size - 1);
      builder.silence(pod, 'malformed');
      return ['report-missing', name(pod)];
    },
  },
};

/**
 * Spoils links once, by chance, of many pods one link in a hundred by failure and one in 400 by delay, of few one in all;
 * none of the pods `without`. Gives which.
 */
function addNoise(builder: MeshBuilder, random: () => number, without: string[]): Set<string> {
  const noisy = new Set<string>();
  const n = builder.size;
  const spoil = (wish: LinkFault) => {
    const [from, to] = [Math.floor(random() * n), Math.floor(random() * n)];
    const isOk = builder.reports[from]?.links.outcome[(to - from + n) % n] === 0;
    if (!isOk || from === to || !builder.has(from, to)) return false;
    if (without.includes(name(from)) || without.includes(name(to))) return false;
    noisy.add(`${name(from)} → ${name(to)}`);
    builder.set(from, to, wish);
    return true;
  };
  const times = (count: number, wish: LinkFault) => {
    for (let tries = 0; count > 0 && tries < n * n; tries++) if (spoil(wish)) count -= 1;
  };
  times(Math.max(1, Math.round(n * n * 0.01)), { outcome: 'timeout', fresh: true });
  if (n > 10) times(Math.round(n * n * 0.0025), { ...LATE_ANSWER, fresh: true });
  return noisy;
}

/** The pods of a cause that is told by one link: another link of theirs that fails by chance would be part of it. */
function namedIn([kind, subject]: [FindingKind, string]): string[] {
  return SINGLES.includes(kind) || kind === 'report-missing' ? subject.split(/ . /) : [];
}

function randomOf(seed: number): () => number {
  let drawn = 0;
  return () => chance(seed, drawn++);
}

const SINGLES: FindingKind[] = ['link', 'one-way', 'link-slow'];
const brief = ({ kind, subject }: Finding) => [kind, subject];

describe.each(Object.entries(CAUSES))('%s', (_, { least, shape, plant }) => {
  const sizes = [3, 4, 5, 6, 8, 9, 12, 20, 37, 60, 120].filter((size) => size >= least);

  it('is named, and nothing else', () => {
    for (const size of sizes) {
      const random = randomOf(size);
      const builder = new MeshBuilder(size, shape);
      const expected = plant(builder, (limit) => Math.floor(random() * limit));
      expect([size, builder.findings().map(brief)]).toEqual([size, [expected]]);
    }
  });

  it('is named, and nothing else, though one link in a hundred fails or is late by chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(14, least), max: 70 }), fc.integer(), (size, seed) => {
        const random = randomOf(seed);
        const builder = new MeshBuilder(size, shape);
        const expected = plant(builder, (limit) => Math.floor(random() * limit));
        addNoise(builder, random, namedIn(expected));
        expect(builder.findings().map(brief)).toEqual([expected]);
      }),
      { numRuns: 15 },
    );
  });

  it('is named among 500 pods', () => {
    const random = randomOf(500);
    const builder = new MeshBuilder(500, shape);
    const expected = plant(builder, (limit) => Math.floor(random() * limit));
    addNoise(builder, random, namedIn(expected));
    expect(builder.findings().map(brief)).toEqual([expected]);
  });

  it('is named of a few pods, and besides it nothing but the one link that chance has spoiled', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(least, 4), max: 10 }), fc.integer(), (size, seed) => {
        const random = randomOf(seed);
        const builder = new MeshBuilder(size, shape);
        const expected = plant(builder, (limit) => Math.floor(random() * limit));
        const noisy = addNoise(builder, random, namedIn(expected));
        const found = builder.findings().map(brief);
        expect(found).toContainEqual(expected);
        const others = found.filter(([, subject]) => subject !== expected[1]);
        for (const [kind, subject] of others)
          expect([SINGLES.includes(kind as FindingKind), [...noisy]]).toEqual([true, [subject]]);
      }),
      { numRuns: 25 },
    );
  });
});
