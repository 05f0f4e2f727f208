import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import OPENAPI from '../../../server/http/openapi.json';
import { mergedReportOf } from '../../../server/peers/merged-report.ts';
import { PodIndex } from '../../../server/peers/pod-index.ts';
import { encodeColumns, NONE16 } from '../../../server/protocol/links.ts';
import { encodePodReport } from '../../../server/protocol/pod-report.ts';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { CYCLE_RECORD, HEAD_BYTES } from '../../../server/protocol/stored-results.ts';
import { decodeUdp, emptyUdp, lostOf, sentOf, writeLoss, writeUdp } from '../../../server/protocol/udp.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';
import { parsePodReport } from '../../support/generator.ts';
import { lossOf, NOW_MS, podsOf, reportOf, windowLossOf } from '../../support/mesh.ts';

const result = fc.record({
  sent: fc.nat({ max: 1000 }),
  lost: fc.nat({ max: 1000 }),
  rttUs: fc.integer({ min: -1, max: 8191 }),
  duplicates: fc.nat({ max: 100 }),
  outOfOrder: fc.nat({ max: 100 }),
  hops: fc.integer({ min: -1, max: 64 }),
});

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
        const udp = decodeUdp({ ...encodeColumns(emptyUdp(2)), ...sums }, 2);
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
    const result = { sent: 10, rttUs: 5, duplicates: 0, outOfOrder: 0, hops: 1 };
    const udp = columnsOf([0, 1, 2, 3].map((lost) => ({ ...result, lost })));
    const index = new PodIndex([pods[0]!, pods[2]!, pods[3]!], NOW_MS, 0);
    const arrival = { pod: 0, atMs: NOW_MS, fetchUs: 1 };
    const merged = mergedReportOf({ ...reportOf(pods[0]!, pods), udp }, arrival, index);
    expect([0, 1, 2].map((i) => [merged.links.to[i], lossOf(merged.udp, i)])).toEqual([
      [0, 0],
      [1, 0.2],
      [2, 0.3],
    ]);
  });

  it('have their columns, and the fields of a cycle, in the description of the API', () => {
    const answers = OPENAPI.paths;
    const ofReport = answers['/api/v1/pod-report'].get.responses[200].description;
    const ofSamples = answers['/api/v1/samples'].get.responses[200].description;
    const cycle = CYCLE_RECORD.read(new DataView(new ArrayBuffer(CYCLE_RECORD.bytes)), HEAD_BYTES, 0);
    for (const column of Object.keys(emptyUdp(0))) expect(ofReport).toMatch(new RegExp(`\\b${column}\\b`));
    for (const field of Object.keys(cycle)) expect(ofSamples).toMatch(new RegExp(`\\b${field}\\b`));
  });
});
