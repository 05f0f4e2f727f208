import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Copied,
  type CopyPart,
  encodeCopyAnswer,
  parseCopyAnswerSliced,
  readRecord,
  writeRecords,
} from '../../../server/protocol/copy.ts';
import type { Journal } from '../../../server/protocol/event.ts';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { CYCLE_RECORD } from '../../../server/protocol/stored-results.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';
import { runSliced } from '../../../server/runtime/concurrency.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const FROM_MS = 5_000.25;
const TO_MS = 60_000.5;

/** A copy with one piece that has these cycles. */
function copyOf(cycles: Uint8Array): CopyPart {
  const journal: Journal = {
    format: 'goldpinger-ts/journal/1',
    id: 'a-1',
    knownAgeMs: 0,
    truncated: false,
    events: [],
  };
  const pieces = [{ fromMs: FROM_MS, toMs: TO_MS, samples: new Uint8Array(15), cycles }];
  return { nowMs: 90_000, sinceMs: FROM_MS, untilMs: TO_MS, links: 0, targets: [], pieces, journal };
}

const wireOf = (cycles: Uint8Array) =>
  JSON.parse(encodeCopyAnswer({ hasMore: false, copies: [copyOf(cycles)] })) as {
    copies: { pieces: Record<string, unknown>[] }[];
  };

const parse = (wire: unknown) => runSliced(parseCopyAnswerSliced(wire, noneSkipped()), new FakeClock());

describe('the cycles of the UDP probe in a copy', () => {
  it('come back as they were sent', async () => {
    const byte = { min: 0, max: 255 };
    const cycle = fc
      .record({
        link: fc.integer({ min: 0, max: 0xffffffff }),
        atMs: fc.integer({ min: 0, max: 55_000 }).map((ageMs) => FROM_MS + ageMs),
        sent: fc.integer({ min: 1, max: 1000 }),
        lost: fc.nat(1000),
        // Larger ones are rounded, as everywhere: see `pack16`.
        rttUs: fc.integer({ min: -1, max: 8191 }),
        duplicates: fc.integer(byte),
        outOfOrder: fc.integer(byte),
        hops: fc.integer({ min: -1, max: 254 }),
        suspect: fc.boolean(),
      })
      .map(({ link, ...one }): Copied<UdpResult> => ({ link, result: { ...one, lost: Math.min(one.lost, one.sent) } }));
    await fc.assert(
      fc.asyncProperty(fc.array(cycle, { maxLength: 40 }), async (cycles) => {
        const { copies } = await parse(wireOf(writeRecords(CYCLE_RECORD, cycles, FROM_MS)));
        const piece = copies[0]!.pieces[0]!;
        expect(cycles.map((_, i) => readRecord(CYCLE_RECORD, piece.cycles, i, piece))).toEqual(cycles);
        expect(piece.cycles.length).toBe(cycles.length * CYCLE_RECORD.bytes);
      }),
    );
  });

  it('have lost no more than was sent, and are not later than their piece, whatever the bytes say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: CYCLE_RECORD.bytes, maxLength: CYCLE_RECORD.bytes }), (cycles) => {
        const { atMs, sent, lost, hops } = readRecord(CYCLE_RECORD, cycles, 0, { fromMs: FROM_MS, toMs: TO_MS }).result;
        expect(atMs).toBeGreaterThanOrEqual(FROM_MS);
        expect(atMs).toBeLessThanOrEqual(TO_MS);
        expect(lost).toBeLessThanOrEqual(sent);
        expect(hops).toBeLessThan(255);
      }),
    );
  });

  it('are not on the wire if there are none, and what an older or a later version writes is read', async () => {
    const wire = wireOf(new Uint8Array(0));
    expect(wire.copies[0]?.pieces[0]).toEqual({ fromMs: FROM_MS, toMs: TO_MS, samples: 'A'.repeat(20) });
    Object.assign(wire.copies[0]?.pieces[0] ?? {}, { later: 'AAAA' });
    expect((await parse(wire)).copies).toEqual([copyOf(new Uint8Array(0))]);
  });
});
