import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDatagram, readDatagram, stampHighOf, writeDatagram } from '../../../server/protocol/udp-datagram.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe('a datagram of the UDP probe', () => {
  it('has the bytes of Goldpinger: magic, number, stamp, zeros', () => {
    const bytes = writeDatagram({ sequence: 7, stampHigh: 0x1883_0a0b, stampLow: 0xfffe_fdfc }, 20);
    expect(bytes.toString('hex')).toBe('47504e47' + '00000007' + '18830a0b' + 'fffefdfc' + '00000000');
  });

  it('is read as it was written, in every size', () => {
    fc.assert(
      fc.property(u32, u32, u32, fc.integer({ min: 16, max: 1500 }), (sequence, stampHigh, stampLow, size) => {
        const bytes = writeDatagram({ sequence, stampHigh, stampLow }, size);
        expect(bytes.length).toBe(size);
        expect(readDatagram(bytes)).toEqual({ sequence, stampHigh, stampLow });
      }),
    );
  });

  it('is nothing else: too few bytes, too many, another magic', () => {
    const whole = writeDatagram({ sequence: 0, stampHigh: 0, stampLow: 0 }, 1500);
    expect(isDatagram(whole)).toBe(true);
    const other = Buffer.from(whole);
    other[3] = 0x46;
    for (const bytes of [whole.subarray(0, 15), whole.subarray(0, 0), Buffer.concat([whole, other]), other]) {
      expect([isDatagram(bytes), readDatagram(bytes)]).toEqual([false, null]);
    }
  });

  it("has a stamp that begins as Goldpinger's: ns since the epoch", () => {
    const nowMs = Date.UTC(2026, 10, 30, 6, 0, 0, 123);
    const ns = BigInt(nowMs) * 1_000_000n;
    expect(BigInt(stampHighOf(nowMs))).toBe(ns >> 32n);
  });
});
