import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';

/** As many as one byte a pixel can name. */
const MOST_COLOURS = 256;
/** That many are the most frequent ones; the others are those that none of them is like: one thin line, say. */
const FREQUENT_COLOURS = 160;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * The same picture as a PNG with a palette (ISO/IEC 15948, colour type 3), about half as large: the most frequent colours,
 * then those that are least like any chosen one, and for each other one its nearest. Throws an Error if `bytes` are no PNG.
 */
export function palettePng(bytes: Buffer): Buffer {
  const { width, height, data } = PNG.sync.read(bytes);
  const pixels = new Uint32Array(width * height);
  const tally = new Map<number, number>();
  for (let i = 0; i < pixels.length; i++) {
    const colour = ((data[i * 4] ?? 0) << 16) | ((data[i * 4 + 1] ?? 0) << 8) | (data[i * 4 + 2] ?? 0);
    pixels[i] = colour;
    tally.set(colour, (tally.get(colour) ?? 0) + 1);
  }
  const palette = [...tally].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([colour]) => colour);
  const kept = chosen(palette);
  const indexOf = new Map(palette.map((colour) => [colour, nearest(kept, colour)]));
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) lines[y * (width + 1) + 1 + x] = indexOf.get(pixels[y * width + x] ?? 0) ?? 0;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(kept.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const parts = [
    chunk('IHDR', header),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([SIGNATURE, ...parts]);
}

/** The colours to keep, of all in the order of how frequent they are. */
function chosen(colours: readonly number[]): number[] {
  const kept = colours.slice(0, FREQUENT_COLOURS);
  const away = colours.map((colour) => Math.min(...kept.map((other) => distance(colour, other))));
  while (kept.length < Math.min(MOST_COLOURS, colours.length)) {
    const next = colours[away.indexOf(Math.max(...away))] ?? 0;
    kept.push(next);
    for (const [i, colour] of colours.entries()) away[i] = Math.min(away[i] ?? 0, distance(colour, next));
  }
  return kept;
}

/** How unlike two colours are: the square of their distance in RGB. */
function distance(one: number, other: number): number {
  const red = (one >> 16) - (other >> 16);
  const green = ((one >> 8) & 255) - ((other >> 8) & 255);
  const blue = (one & 255) - (other & 255);
  return red * red + green * green + blue * blue;
}

/** Index of the colour that is least far away. */
function nearest(palette: readonly number[], colour: number): number {
  let best = 0;
  for (const [i, other] of palette.entries()) {
    if (distance(other, colour) < distance(palette[best] ?? 0, colour)) best = i;
  }
  return best;
}

function chunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}
