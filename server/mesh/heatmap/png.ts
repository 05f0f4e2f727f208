import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import type { Raster } from './raster.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Pixels packed in one turn, well below a millisecond's work. */
const SLICE_PIXELS = 100_000;

const compress = promisify(deflate) as (buffer: Uint8Array) => Promise<Buffer>;

/**
 * A raster of at most 16 colours as PNG (ISO/IEC 15948): colour type 3, four bits a pixel, no filter.
 * Packs in slices and compresses in a thread of its own, so that pings sent meanwhile are not late.
 */
export async function encodePng(raster: Raster, palette: Uint8Array): Promise<Buffer> {
  const { width, height } = raster;
  const lineBytes = 1 + Math.ceil(width / 2);
  const lines = new Uint8Array(lineBytes * height);
  const slice = Math.max(1, Math.floor(SLICE_PIXELS / width));
  for (let y = 0; y < height; y++) {
    if (y % slice === slice - 1) await nextTurn();
    packLine(raster.row(y), lines, y * lineBytes + 1);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([4, 3, 0, 0, 0], 8);
  const data = await compress(lines);
  const chunks = [chunk('IHDR', header), chunk('PLTE', palette), chunk('IDAT', data), chunk('IEND', new Uint8Array(0))];
  return Buffer.concat([SIGNATURE, ...chunks]);
}

function packLine(pixels: Uint8Array, lines: Uint8Array, start: number): void {
  let out = start;
  for (let x = 0; x < pixels.length; x += 2) lines[out++] = ((pixels[x] ?? 0) << 4) | (pixels[x + 1] ?? 0);
}

/** Length, type, data, and a checksum over the last two. */
function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}
