import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_FINDINGS } from '../../../../server/protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_RECOVERED } from '../../../../server/protocol/links.ts';
import {
  LATE_ANSWER,
  LATE_NETWORK,
  type LinkFault,
  MeshBuilder,
  meshOf,
  NO_RESPONSE,
  REFUSED,
  TIMEOUT,
} from '../../../support/mesh.ts';
import { expectTrueCounts } from '../../../support/true-counts.ts';

const LINK_FAULTS: LinkFault[] = [
  TIMEOUT,
  REFUSED,
  NO_RESPONSE,
  { ...TIMEOUT, fresh: true },
  LATE_ANSWER,
  LATE_NETWORK,
  { flags: FLAG_INTERMITTENT, failures: 5 },
  { ...REFUSED, flags: FLAG_INTERMITTENT, failures: 5 },
  { ageMs: 300, sinceMs: 300, flags: FLAG_RECOVERED },
];

const LINK_PLACES = ['into pod', 'out of pod', 'into node', 'out of node', 'within node', 'any'] as const;
const PLACES = [...LINK_PLACES, 'pair', 'silent', 'starved', 'stage'] as const;
const STAGES = ['not-ready', 'starting', 'terminating'] as const;

/** A fault: where it is, what it does to links, and which share of the links there it spoils. */
const faults = fc.array(
  fc.record({
    place: fc.constantFrom(...PLACES),
    pod: fc.nat(),
    other: fc.nat(),
    fault: fc.constantFrom(...LINK_FAULTS),
    everyNth: fc.constantFrom(0, 0, 2, 3, 5),
  }),
  { minLength: 1, maxLength: 5 },
);
const shapes = fc.record({
  size: fc.integer({ min: 3, max: 24 }),
  // With 24 all pods are on one node.
  perNode: fc.constantFrom(1, 2, 3, 24),
  zones: fc.constantFrom(0, 3),
  pingNumber: fc.constantFrom(0, 0, 5),
  owner: fc.constantFrom('', 'replica-set'),
});

/** Meshes with some faults, each of another kind and in another place. */
const meshes = fc.tuple(shapes, faults).map(([{ size, owner, ...shape }, planted]) => {
  const builder = new MeshBuilder(size, shape);
  for (const i of builder.pods.keys()) builder.pod(i, { owner });
  for (const { place, pod: seed, other, fault, everyNth } of planted) {
    const pod = seed % size;
    const isOn = (one: number) => builder.pods[one]?.node === builder.pods[pod]?.node;
    const isAt: Record<(typeof LINK_PLACES)[number], (from: number, to: number) => boolean> = {
      'into pod': (_, to) => to === pod,
      'out of pod': (from) => from === pod,
      'into node': (from, to) => isOn(to) && !isOn(from),
      'out of node': (from, to) => isOn(from) && !isOn(to),
      'within node': (from, to) => isOn(from) && isOn(to),
      any: (from, to) => (from * 5 + to * 3 + other) % 4 === 0,
    };
    // A part of the links stays as it was.
    const isSpared = (from: number, to: number) => everyNth > 0 && (from * 7 + to) % everyNth === 0;
    if (place === 'pair') builder.set(pod, other % size, fault);
    else if (place === 'silent') builder.silence(pod);
    else if (place === 'starved') builder.starve(pod);
    else if (place === 'stage') builder.pod(pod, { lifecycle: STAGES[other % 3] ?? 'gone' });
    else builder.each((from, to) => isAt[place](from, to) && !isSpared(from, to), fault);
  }
  return builder;
});

it('every count in a finding equals what the mesh shows, whatever is bad', () => {
  fc.assert(
    fc.property(meshes, (builder) => expectTrueCounts(builder, builder.findings())),
    { numRuns: 400 },
  );
});

it('health blames pods for failed links if and only if findings of severity `failed` do, and one of the same pods', () => {
  fc.assert(
    fc.property(meshes, (builder) => {
      const findings = builder.findings();
      const failed = findings.filter(({ severity }) => severity === 'failed');
      const isOfLinks = (sentence: string) => !sentence.includes('did not report');
      const { reasons } = meshOf(builder.pods, builder.reports).health;
      const blamed = reasons.flatMap(({ pod, why }) => (why.some(isOfLinks) ? [pod] : []));
      expect(blamed.length > 0).toBe(failed.length > 0);
      // Of so many, some are left out.
      if (findings.length === MAX_FINDINGS) return;
      for (const { title, pods, from } of failed) {
        // The finding about links that have nothing in common names no pods.
        const isSame = pods.length === 0 || blamed.some((pod) => pods.includes(pod) || from.includes(pod));
        expect({ title, blamed, isSame }).toEqual({ title, blamed, isSame: true });
      }
    }),
    { numRuns: 400 },
  );
});

it.each<[title: string, builder: MeshBuilder, text: string]>([
  [
    'a pod that probes eight others, five of which nobody reaches, does not reach "1 of 3 pods that it probes"',
    new MeshBuilder(9)
      .each((_, to) => to >= 4, REFUSED)
      .set(0, 1, TIMEOUT)
      .set(0, 2, TIMEOUT),
    'reaches only 1 of 3 pods that can tell. 2 of 3 links out of it fail (67 %). ' +
      '5 more are not counted, because other findings explain them. Other pods reach it.',
  ],
  [
    'clones that are bad to different extents have one sum',
    new MeshBuilder(12)
      .pod(9, { owner: 'rs' })
      .pod(10, { owner: 'rs' })
      .each((from, to) => to === 9 || (to === 10 && from > 1), REFUSED),
    '20 of 22 links into them fail. 20 of 22 links into them fail (91 %).',
  ],
])('a link that is no evidence is not counted, and the text says so: %s', (_, builder, text) => {
  const findings = builder.findings();
  expectTrueCounts(builder, findings);
  const texts = findings.map(({ title, detail }) => `${title.split(':')[1]?.split(',')[0]?.trim()}. ${detail}`);
  expect(texts).toContain(text);
});
