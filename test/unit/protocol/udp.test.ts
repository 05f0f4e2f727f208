import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import OPENAPI from '../../../server/http/openapi.json';
import { mergedReportOf } from '../../../server/peers/merged-report.ts';
import { PodIndex } from '../../../server/peers/pod-index.ts';
import { encodeColumns, NONE16, unpack16 } from '../../../server/protocol/links.ts';
import { encodeMesh, parseMesh } from '../../../server/protocol/mesh.ts';
import { encodePodReport } from '../../../server/protocol/pod-report.ts';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { CYCLE_RECORD, HEAD_BYTES } from '../../../server/protocol/stored-results.ts';
import {
  decodeUdp,
  emptyUdp,
  lostOf,
  sentOf,
  UNKNOWN_HOPS,
  writeLoss,
  writeUdp,
} from '../../../server/protocol/udp.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';
import { parsePodReport } from '../../support/generator.ts';
import { lossOf, MeshBuilder, meshOf, NOW_MS, podsOf, reportOf, windowLossOf } from '../../support/mesh.ts';

const result = fc.record({
  sent: fc.nat({ max: 1000 }),
  lost: fc.nat({ max: 1000 }),
  rttUs: fc.integer({ min: -1, max: 8191 }),
  duplicates: fc.nat({ max: 100 }),
  outOfOrder: fc.nat({ max: 100 }),
  hops: fc.integer({ min: -1, max: 64 }),
});

/** Columns that say nothing of loss. */
const OTHERS = {
  ...{ rttUs: 0, duplicates: 0, outOfOrder: 0, ageMs: 0, hops: 0 },
  ...{ recentLossCycles: 0, windowLossCycles: 0 },
};

function columnsOf(results: Omit<UdpResult, 'atMs' | 'suspect'>[]) {
  const udp = emptyUdp(results.length);
  for (const [i, one] of results.entries()) {
    const lost = Math.min(one.lost, one.sent);
    writeUdp(udp, i, { ...one, lost }, 7_000);
    const times = (n: number) => ({ sent: one.sent * n, lost: lost * n, lossCycles: lost > 0 ? n : 0 });
    writeLoss(udp, i, times(5), times(10));
  }
  return udp;
}

describe('UDP results on the wire', () => {
  it('are decoded to what was encoded', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 6 }), (results) => {
        const udp = columnsOf(results);
        const wire = JSON.parse(JSON.stringify(encodeColumns(udp)));
        expect(decodeUdp(wire, results.length)).toEqual(udp);
      }),
    );
  });

  it('are never more lost than sent, whatever comes', () => {
    const column = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constant(NONE16));
    fc.assert(
      fc.property(column, column, column, column, (sent, lost, windowSent, windowLost) => {
        const sums = { sent, lost, windowSent, windowLost, recentSent: windowSent, recentLost: windowLost };
        const udp = decodeUdp({ length: 2, ...OTHERS, ...sums }, 2);
        expect(lostOf(udp!, 1)).toBeLessThanOrEqual(sentOf(udp!, 1));
        for (const loss of [lossOf(udp, 1), windowLossOf(udp, 1)]) {
          expect(loss === -1 || (loss >= 0 && loss <= 1)).toBe(true);
        }
      }),
    );
  });

  it('are left out of a report if they are invalid, and the rest of it stands', () => {
    const pods = podsOf(3);
    const [from] = pods;
    const report = JSON.parse(encodePodReport({ ...reportOf(from!, pods), udp: emptyUdp(3) }));
    for (const udp of [7, 'x', [], { length: 3 }, { ...report.udp, length: 2 }, { ...report.udp, sent: 'AAA=' }]) {
      const read = parsePodReport({ ...report, udp });
      expect([read.udp, read.links.length]).toEqual([null, 3]);
      const skipped = noneSkipped();
      expect(decodeUdp(udp, 3, skipped)).toBeNull();
      expect(skipped.count).toBe(1);
    }
  });
});

describe('UDP results in the mesh', () => {
  it('belong to the same links after the links to unknown pods are dropped', () => {
    const pods = podsOf(4);
    const udp = columnsOf(
      [0, 1, 2, 3].map((lost) => ({ sent: 10, lost, rttUs: 5, duplicates: 0, outOfOrder: 0, hops: 1 })),
    );
    const report = { ...reportOf(pods[0]!, pods), udp };
    const index = new PodIndex([pods[0]!, pods[2]!, pods[3]!], NOW_MS, 0);
    const merged = mergedReportOf(report, { pod: 0, atMs: NOW_MS, fetchUs: 1 }, index);
    expect([...merged.links.to]).toEqual([0, 1, 2]);
    expect([0, 1, 2].map((i) => lossOf(merged.udp, i))).toEqual([0, 0.2, 0.3]);
  });

  it('cross to the page', () => {
    const builder = new MeshBuilder(3).withUdp();
    builder.set(0, 2, { udp: { lost: 2, windowLost: 5, roundTripUs: 700, hops: -1 } });
    builder.set(1, 0, { udp: { lost: 10 } });
    const mesh = parseMesh(JSON.parse([...encodeMesh(meshOf(builder.pods, builder.reports))].join('')));
    const [first, second] = mesh.reports;
    expect([0, 1, 2].map((i) => lossOf(first!.udp, i))).toEqual([0, 0, 0.2]);
    expect(windowLossOf(first!.udp, 2)).toBe(0.05);
    expect([unpack16(first!.udp!.rttUs[2]!), first!.udp!.hops[2], first!.udp!.hops[1]]).toEqual([700, UNKNOWN_HOPS, 2]);
    // Nothing came back, so there is no round trip.
    expect([lossOf(second!.udp, 2), second!.udp!.rttUs[2]]).toEqual([1, NONE16]);
  });

  it('have their columns, and the fields of a cycle, in the description of the API', () => {
    const textOf = (path: '/api/v1/pod-report' | '/api/v1/samples') =>
      OPENAPI.paths[path].get.responses[200].description;
    for (const column of Object.keys(emptyUdp(0)))
      expect(textOf('/api/v1/pod-report')).toMatch(new RegExp(`\\b${column}\\b`));
    const { bytes } = CYCLE_RECORD;
    const cycle = CYCLE_RECORD.read(new DataView(new ArrayBuffer(bytes)), HEAD_BYTES, 0);
    for (const field of Object.keys(cycle)) expect(textOf('/api/v1/samples')).toMatch(new RegExp(`\\b${field}\\b`));
  });
});
