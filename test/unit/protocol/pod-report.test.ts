import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyStats } from '../../../server/protocol/links.ts';
import { encodeMesh, parseMesh } from '../../../server/protocol/mesh.ts';
import { peersHashOf } from '../../../server/protocol/pod.ts';
import { encodePodReport, type PodReport } from '../../../server/protocol/pod-report.ts';
import { OUTCOMES } from '../../../server/protocol/sample.ts';
import { parsePodReport } from '../../support/generator.ts';
import { reportOf as anyReport, type LinkSpec, MeshBuilder, meshOf, podOf, podsOf, refOf } from '../../support/mesh.ts';

const pods = podsOf(3);
const peers = pods.map(refOf);
const hash = peersHashOf(peers);

function reportOf(specs: LinkSpec[]): PodReport {
  return anyReport(podOf(0), pods, specs, { stats: emptyStats(specs.length), windowMs: 60_000 });
}

const entries = fc.array(
  fc.record({
    to: fc.nat({ max: 2 }),
    outcome: fc.constantFrom(...OUTCOMES),
    totalUs: fc.nat({ max: 65_535 }),
  }),
  { maxLength: 6 },
);

describe('a pod report on the wire', () => {
  it('is decoded to what was encoded', () => {
    fc.assert(
      fc.property(entries, (links) => {
        // Older versions leave these out.
        const lists: Partial<PodReport> = { slow: [[4, 12_000]], failsOnly: [[4, 'new']] };
        const report: PodReport = links.length < 5 ? reportOf(links) : { ...reportOf(links), ...lists };
        expect(parsePodReport(JSON.parse(encodePodReport(report)))).toEqual(report);
      }),
    );
  });

  it('leaves the peers out if the request names their fingerprint', () => {
    const wire = JSON.parse(encodePodReport(reportOf([]), hash));
    expect(wire.peers).toBeNull();
    expect(parsePodReport(wire, { hash, peers }).peers).toEqual(peers);
    expect(() => parsePodReport(wire, { hash: 'other', peers })).toThrow('unknown hash');
    expect(() => parsePodReport(wire)).toThrow('unknown hash');
  });

  it.each([
    ['another format', { format: 'x' }],
    ['columns of another length', { links: { length: 7 } }],
    ['a negative length', { links: { length: -1 } }],
    ['more links than its peers can have', { links: { length: 7, to: 0 } }],
    ['more peers than an index can name', { gonePeers: new Array(65_535).fill(null) }],
    ['too long a name', { pod: { uid: 'x'.repeat(200), name: '', namespace: '' } }],
    ['text for a time', { atMs: '1' }],
    ['a time that is no number', { atMs: null }],
  ])('refuses %s', (_what, change) => {
    expect(() => parsePodReport({ ...JSON.parse(encodePodReport(reportOf([]))), ...change })).toThrow();
  });

  it('refuses any JSON that is not a report', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parsePodReport(value)).toThrow();
      }),
    );
  });
});

it('a mesh on the wire is decoded to what was encoded, report by report, with the datagrams', () => {
  const builder = new MeshBuilder(3).withUdp();
  builder.pods[0] = podOf(0, { name: '</script>', hostIPs: [] });
  builder.set(0, 0, { outcome: 'timeout', udp: { lost: 2, windowLost: 5, roundTripUs: 700, hops: -1 } });
  builder.set(1, 0, { udp: { lost: 10 } });
  builder.silence(2);
  builder.reports[0] = { ...builder.reports[0]!, details: [[0, 'late']] };
  const mesh = meshOf(builder.pods, builder.reports);
  expect(mesh.health.ok).toBe(false);
  const wire = JSON.parse([...encodeMesh(mesh)].join(''));
  expect(parseMesh(wire)).toEqual(mesh);
  for (const pod of [-1, 3]) {
    expect(() => parseMesh({ ...wire, reports: [{ ...wire.reports[0], pod }] })).toThrow(`report of pod ${pod} of 3`);
  }
});
