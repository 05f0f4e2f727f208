import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { palettePng } from '../../pictures/palette-png.ts';

const WIDTH = 64;
const AMBER = [163, 103, 0, 255];

/** A picture of thousands of greens and greys, in which one pixel is amber. */
function picture(): Buffer {
  const png = new PNG({ width: WIDTH, height: WIDTH });
  for (let i = 0; i < WIDTH * WIDTH; i++) {
    const shade = i % 250;
    png.data.set(i % 2 === 0 ? [0, shade, Math.floor(i / 250), 255] : [shade, shade, shade, 255], i * 4);
  }
  png.data.set(AMBER, 4 * 1000);
  return PNG.sync.write(png);
}

it('a picture with a palette shows every colour nearly as it was, also one that only a pixel has', () => {
  const before = PNG.sync.read(picture());
  const bytes = palettePng(picture());
  const { width, height, data } = PNG.sync.read(bytes);
  expect([width, height]).toEqual([WIDTH, WIDTH]);
  expect([...data.subarray(4000, 4004)]).toEqual(AMBER);
  expect(Math.max(...data.map((part, i) => Math.abs(part - (before.data[i] ?? 0))))).toBeLessThan(24);
  expect(bytes.length).toBeLessThan(picture().length);
});
