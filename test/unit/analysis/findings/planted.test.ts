import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding, FindingKind } from '../../../../server/protocol/finding.ts';
import { chance } from '../../../support/feed/random.ts';
import { LATE_ANSWER, LATE_NETWORK, Matrix, type Wish } from './matrix.ts';

/** Numbers from 0 to below `limit`, the same for the same seed. */
type Pick = (limit: number) => number;

interface Cause {
  /** The fewest pods among which it can be told. */
  least: number;
  shape?: ConstructorParameters<typeof Matrix>[1];
  /** Spoils the matrix; gives what is to be named: kind and subject. */
  plant(matrix: Matrix, pick: Pick): [FindingKind, string];
}

const TIMEOUT: Wish = { outcome: 'timeout', phase: 'connect' };
const other = (matrix: Matrix, pod: number, pick: Pick) => (pod + 1 + pick(matrix.size - 1)) % matrix.size;
const name = (pod: number) => `pod-${pod}`;

const CAUSES: Record<string, Cause> = {
  'a dead pod': {
    least: 3,
    plant: (matrix, pick) => {
      const pod = 1 + pick(matrix.size - 1);
      matrix.each((_, to) => to === pod, TIMEOUT);
      matrix.silence(pod);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that refuses all and reaches all': {
    least: 4,
    plant: (matrix, pick) => {
      const pod = pick(matrix.size);
      matrix.each((_, to) => to === pod, { outcome: 'refused', phase: 'connect' }, true);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that is cut off in both directions': {
    least: 4,
    plant: (matrix, pick) => {
      const pod = pick(matrix.size);
      matrix.each((from, to) => (from === pod) !== (to === pod), TIMEOUT);
      return ['pod-unreachable', name(pod)];
    },
  },
  'a pod that reaches nobody, or a liar who claims all others dead': {
    least: 3,
    plant: (matrix, pick) => {
      const pod = pick(matrix.size);
      matrix.each((from) => from === pod, TIMEOUT);
      return ['pod-reaches-nobody', name(pod)];
    },
  },
  'a dead node': {
    least: 6,
    shape: { perNode: 2, zones: 3 },
    plant: (matrix, pick) => {
      const node = 1 + pick(Math.floor(matrix.size / 2) - 1);
      const isOn = (pod: number) => matrix.pods[pod]?.node === `node-${node}`;
      matrix.each((from, to) => isOn(to) || isOn(from), TIMEOUT);
      for (let pod = 0; pod < matrix.size; pod++) if (isOn(pod)) matrix.silence(pod);
      return ['node', `node node-${node}`];
    },
  },
  'a node that is cut off, whose pods still tell': {
    least: 8,
    shape: { perNode: 2 },
    plant: (matrix, pick) => {
      const node = pick(Math.floor(matrix.size / 2));
      const isOn = (pod: number) => matrix.pods[pod]?.node === `node-${node}`;
      matrix.each((from, to) => isOn(to) !== isOn(from), TIMEOUT);
      return ['node', `node node-${node}`];
    },
  },
  'a block from zone to zone': {
    least: 9,
    shape: { zones: 3 },
    plant: (matrix, pick) => {
      const [from, to] = [pick(3), pick(2)];
      const [a, b] = [`zone-${from}`, `zone-${(from + 1 + to) % 3}`];
      matrix.each((x, y) => matrix.pods[x]?.zone === a && matrix.pods[y]?.zone === b, TIMEOUT);
      return ['zone-block', `zone ${a} → zone ${b}`];
    },
  },
  'one direction of one pair': {
    least: 3,
    plant: (matrix, pick) => {
      const from = pick(matrix.size);
      const to = other(matrix, from, pick);
      matrix.set(from, to, TIMEOUT);
      return ['one-way', `${name(from)} → ${name(to)}`];
    },
  },
  'one pair, both directions': {
    least: 4,
    plant: (matrix, pick) => {
      const from = pick(matrix.size);
      const to = other(matrix, from, pick);
      matrix.set(from, to, TIMEOUT);
      matrix.set(to, from, TIMEOUT);
      return ['link', `${name(Math.min(from, to))} ⇄ ${name(Math.max(from, to))}`];
    },
  },
  'a pod behind a slow proxy': {
    least: 3,
    plant: (matrix, pick) => {
      const pod = pick(matrix.size);
      matrix.each((_, to) => to === pod, LATE_ANSWER, true);
      return ['pod-slow', name(pod)];
    },
  },
  'a pod with a slow network, both ways': {
    least: 4,
    plant: (matrix, pick) => {
      const pod = pick(matrix.size);
      matrix.each((from, to) => (from === pod) !== (to === pod), LATE_NETWORK);
      return ['pod-slow', name(pod)];
    },
  },
  'a pod that reaches others slowly': {
    least: 3,
    plant: (matrix, pick) => {
      const pod = pick(matrix.size);
      matrix.each((from) => from === pod, LATE_NETWORK);
      return ['pod-slow-out', name(pod)];
    },
  },
  'one slow link': {
    least: 3,
    plant: (matrix, pick) => {
      const from = pick(matrix.size);
      const to = other(matrix, from, pick);
      matrix.set(from, to, LATE_NETWORK);
      return ['link-slow', `${name(from)} → ${name(to)}`];
    },
  },
  'a starved pod': {
    least: 3,
    plant: (matrix, pick) => {
      const pod = pick(matrix.size);
      matrix.starve(pod);
      return ['row-starved', name(pod)];
    },
  },
  'a pod that is reached and does not report': {
    least: 3,
    plant: (matrix, pick) => {
      const pod = 1 + pick(matrix.size - 1);
      matrix.silence(pod, 'malformed');
      return ['row-missing', name(pod)];
    },
  },
};

/**
 * Spoils links once, by chance, of many pods one link in a hundred by failure and one in 400 by delay, of few one in all;
 * none of the pods `without`. Gives which.
 */
function addNoise(matrix: Matrix, random: () => number, without: string[]): Set<string> {
  const noisy = new Set<string>();
  const n = matrix.size;
  const spoil = (wish: Wish) => {
    const [from, to] = [Math.floor(random() * n), Math.floor(random() * n)];
    const isOk = matrix.rows[from]?.links.outcome[(to - from + n) % n] === 0;
    if (!isOk || from === to || !matrix.has(from, to)) return false;
    if (without.includes(name(from)) || without.includes(name(to))) return false;
    noisy.add(`${name(from)} → ${name(to)}`);
    matrix.set(from, to, wish);
    return true;
  };
  const times = (count: number, wish: Wish) => {
    for (let tries = 0; count > 0 && tries < n * n; tries++) if (spoil(wish)) count -= 1;
  };
  times(Math.max(1, Math.round(n * n * 0.01)), { outcome: 'timeout', fresh: true });
  if (n > 10) times(Math.round(n * n * 0.0025), { ...LATE_ANSWER, fresh: true });
  return noisy;
}

/** The pods of a cause that is told by one link: another link of theirs that fails by chance would be part of it. */
function namedIn([kind, subject]: [FindingKind, string]): string[] {
  return SINGLES.includes(kind) || kind === 'row-missing' ? subject.split(/ . /) : [];
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
      const matrix = new Matrix(size, shape);
      const expected = plant(matrix, (limit) => Math.floor(random() * limit));
      expect([size, matrix.findings().map(brief)]).toEqual([size, [expected]]);
    }
  });

  it('is named, and nothing else, though one link in a hundred fails or is late by chance', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(14, least), max: 70 }), fc.integer(), (size, seed) => {
        const random = randomOf(seed);
        const matrix = new Matrix(size, shape);
        const expected = plant(matrix, (limit) => Math.floor(random() * limit));
        addNoise(matrix, random, namedIn(expected));
        expect(matrix.findings().map(brief)).toEqual([expected]);
      }),
      { numRuns: 15 },
    );
  });

  it('is named among 500 pods', () => {
    const random = randomOf(500);
    const matrix = new Matrix(500, shape);
    const expected = plant(matrix, (limit) => Math.floor(random() * limit));
    addNoise(matrix, random, namedIn(expected));
    expect(matrix.findings().map(brief)).toEqual([expected]);
  });

  it('is named of a few pods, and besides it nothing but the one link that chance has spoiled', () => {
    fc.assert(
      fc.property(fc.integer({ min: Math.max(least, 4), max: 10 }), fc.integer(), (size, seed) => {
        const random = randomOf(seed);
        const matrix = new Matrix(size, shape);
        const expected = plant(matrix, (limit) => Math.floor(random() * limit));
        const noisy = addNoise(matrix, random, namedIn(expected));
        const found = matrix.findings().map(brief);
        expect(found).toContainEqual(expected);
        const others = found.filter(([, subject]) => subject !== expected[1]);
        for (const [kind, subject] of others)
          expect([SINGLES.includes(kind as FindingKind), [...noisy]]).toEqual([true, [subject]]);
      }),
      { numRuns: 25 },
    );
  });
});
