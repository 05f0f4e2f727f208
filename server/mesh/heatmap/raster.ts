import { GLYPH_WIDTH, glyphOf, LETTER_PX } from './font.ts';

/** A picture of numbered colours, one byte a pixel. What lies outside is not drawn. */
export class Raster {
  readonly width: number;
  readonly height: number;
  readonly #pixels: Uint8Array;

  /** Filled with colour 0. */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#pixels = new Uint8Array(width * height);
  }

  /** One pixel. */
  dot(x: number, y: number, ink: number): void {
    if (x >= 0 && y >= 0 && x < this.width && y < this.height) this.#pixels[y * this.width + x] = ink;
  }

  /** A filled rectangle. */
  fill(x: number, y: number, width: number, height: number, ink: number): void {
    const [left, right] = [Math.max(0, x), Math.min(this.width, x + width)];
    const bottom = Math.min(this.height, y + height);
    for (let row = Math.max(0, y); row < bottom && left < right; row++) {
      this.#pixels.fill(ink, row * this.width + left, row * this.width + right);
    }
  }

  /** Words from the left upper corner on; characters that the font lacks as question marks. */
  text(x: number, y: number, words: string, ink: number): void {
    let left = x;
    for (const char of words) {
      for (const [row, bits] of glyphOf(char).entries()) {
        for (let column = 0; column < GLYPH_WIDTH; column++) {
          if ((bits & (1 << (GLYPH_WIDTH - 1 - column))) !== 0) this.dot(left + column, y + row, ink);
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
