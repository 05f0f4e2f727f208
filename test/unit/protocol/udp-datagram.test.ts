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

  it('is nothing else: other bytes, too few, too many', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1600 }), (array) => {
        const bytes = Buffer.from(array);
        const should = bytes.length >= 16 && bytes.length <= 1500 && bytes.toString('latin1', 0, 4) === 'GPNG';
        expect(isDatagram(bytes)).toBe(should);
        expect(readDatagram(bytes) !== null).toBe(should);
      }),
    );
    const whole = writeDatagram({ sequence: 0, stampHigh: 0, stampLow: 0 }, 16);
    for (let length = 0; length < 16; length++) expect(readDatagram(whole.subarray(0, length))).toBeNull();
    expect(readDatagram(Buffer.concat([whole, Buffer.alloc(1485)]))).toBeNull();
  });

  it("has a stamp that begins as Goldpinger's: ns since the epoch", () => {
    const nowMs = Date.UTC(2026, 10, 30, 6, 0, 0, 123);
    const ns = BigInt(nowMs) * 1_000_000n;
    expect(BigInt(stampHighOf(nowMs))).toBe(ns >> 32n);
  });
});
