import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import { realClock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';
import { GLYPH_WIDTH, glyphOf, LETTER_PX } from './font.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const compress = promisify(deflate) as (buffer: Uint8Array) => Promise<Buffer>;

/**
 * Encodes a raster of at most 16 colours as PNG (ISO/IEC 15948): colour type 3, four bits per pixel, no filter.
 * Packs in slices and compresses in another thread, so that our pings are not measured too long.
 */
export async function encodePng(raster: Raster, palette: Uint8Array): Promise<Buffer> {
  const { width, height } = raster;
  const lineBytes = 1 + Math.ceil(width / 2);
  const lines = new Uint8Array(lineBytes * height);
  const slice = new TimeSlice(realClock);
  for (let y = 0; y < height; y++) {
    if (slice.isOver()) await slice.next();
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

/** A chunk: length, type, data, and a checksum over the last two. */
function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

/** An image of numbered colours, one byte per pixel. Dots outside of it are not drawn. */
export class Raster {
  readonly width: number;
  readonly height: number;
  readonly #pixels: Uint8Array;

  /** All pixels begin with colour 0. */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#pixels = new Uint8Array(width * height);
  }

  #dot(x: number, y: number, ink: number): void {
    if (x >= 0 && y >= 0 && x < this.width && y < this.height) this.#pixels[y * this.width + x] = ink;
  }

  /** Copies an image, `width` px wide, to (x, y), which is its upper left corner. Rows below this image are left out. */
  copy(x: number, y: number, pixels: Uint8Array, width: number): void {
    for (let row = 0; row * width < pixels.length && y + row < this.height; row++) {
      this.#pixels.set(pixels.subarray(row * width, (row + 1) * width), (y + row) * this.width + x);
    }
  }

  /** Draws text from its upper left corner on; characters that the font lacks become question marks. */
  text(x: number, y: number, text: string, ink: number): void {
    let left = x;
    for (const char of text) {
      for (const [row, bits] of glyphOf(char).entries()) {
        for (let column = 0; column < GLYPH_WIDTH; column++) {
          if ((bits & (1 << (GLYPH_WIDTH - 1 - column))) !== 0) this.#dot(left + column, y + row, ink);
        }
      }
      left += LETTER_PX;
    }
  }

  /** The pixels of row `y`. */
  row(y: number): Uint8Array {
    return this.#pixels.subarray(y * this.width, (y + 1) * this.width);
  }
}
