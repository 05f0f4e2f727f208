import type { CellColours } from './heat-colours.ts';
import type { PaintArea, PaintSource } from './heat-paint.ts';
import { codeOf } from './link-state.ts';
import { BY_SEVERITY, SEVERITY } from './severity.ts';

const GOOD = codeOf('good');
const GOOD_SEVERITY = SEVERITY[GOOD] ?? 0;

/**
 * Paints a heatmap with more pods than pixels. Each pixel shows the worst of its links. Almost all links of a large mesh
 * are good, so everything is first painted as good, and then only the other links are visited.
 */
export function paintShared(pixels: Uint32Array, source: PaintSource, area: PaintArea, colours: CellColours): void {
  const { width, height, pods, starts } = area;
  const { n, state } = source;
  const total = starts[pods.length] ?? 0;
  const columns = ranges(width, pods.length, total);
  const rows = ranges(height, pods.length, total);
  const lines = linesOf(rows, height, pods, n);
  const palette = Uint32Array.from(BY_SEVERITY, (code) => colours.fill[code] ?? 0);
  const pixelColumn = new PixelColumn(height);
  pixels.fill(colours.fill[GOOD] ?? 0);
  // Reads four states at once, to skip good links quickly.
  const words = state.byteOffset % 4 === 0 ? new Uint32Array(state.buffer, state.byteOffset, state.length >> 2) : [];
  // Column by column, because the links of one source are adjacent in memory.
  for (let x = 0; x < width; x++) {
    const [first = 0, end = 0] = [columns[x], columns[width + x]];
    for (let column = first; column < end; column++) {
      const start = (pods[column] ?? 0) * n;
      const stop = start + n;
      for (let pair = start; pair < stop; pair++) {
        if ((pair & 3) === 0 && words[pair >> 2] === 0 && pair + 4 <= stop) {
          pair += 3;
          continue;
        }
        const code = state[pair] ?? GOOD;
        if (code === GOOD) continue;
        const to = pair - start;
        const after = lines[n + to] ?? 0;
        for (let y = lines[to] ?? 0; y < after; y++) pixelColumn.add(y, SEVERITY[code] ?? 0);
      }
    }
    pixelColumn.paint(pixels, x, width, palette, (y) => (end - first) * ((rows[height + y] ?? 0) - (rows[y] ?? 0)));
  }
}

/** The links that are not good in one column of pixels. */
class PixelColumn {
  readonly #ys: Int32Array;
  /** By pixel: whether a link was added; the highest severity; how many links are below good, and their highest severity. */
  readonly #isMet: Uint8Array;
  readonly #worst: Uint8Array;
  readonly #low: Uint32Array;
  readonly #lowMost: Uint8Array;
  #count = 0;

  constructor(height: number) {
    this.#ys = new Int32Array(height);
    this.#isMet = new Uint8Array(height);
    this.#worst = new Uint8Array(height);
    this.#low = new Uint32Array(height);
    this.#lowMost = new Uint8Array(height);
  }

  add(y: number, severity: number): void {
    if (this.#isMet[y] === 0) {
      this.#isMet[y] = 1;
      this.#ys[this.#count++] = y;
      this.#worst[y] = GOOD_SEVERITY;
      this.#low[y] = 0;
      this.#lowMost[y] = 0;
    }
    if (severity > (this.#worst[y] ?? 0)) this.#worst[y] = severity;
    if (severity > GOOD_SEVERITY) return;
    this.#low[y] = (this.#low[y] ?? 0) + 1;
    if (severity > (this.#lowMost[y] ?? 0)) this.#lowMost[y] = severity;
  }

  /** Paints the column at `x` and clears it. `pairsAt`: the number of links that share a pixel. */
  paint(pixels: Uint32Array, x: number, width: number, palette: Uint32Array, pairsAt: (y: number) => number): void {
    for (let i = 0; i < this.#count; i++) {
      const y = this.#ys[i] ?? 0;
      this.#isMet[y] = 0;
      const severity = (this.#low[y] === pairsAt(y) ? this.#lowMost[y] : this.#worst[y]) ?? 0;
      pixels[y * width + x] = palette[severity] ?? 0;
    }
    this.#count = 0;
  }
}

/** For each of `n` pods the first of its pixel lines, and (at `n + pod`) the end of its lines; 0, 0 if it has none. */
function linesOf(rows: Int32Array, height: number, pods: Int32Array, n: number): Int32Array {
  const lines = new Int32Array(2 * n);
  for (let y = 0; y < height; y++) {
    for (let row = rows[y] ?? 0; row < (rows[height + y] ?? 0); row++) {
      const pod = pods[row] ?? 0;
      if (lines[n + pod] === 0) lines[pod] = y;
      lines[n + pod] = y + 1;
    }
  }
  return lines;
}

/** For each of `length` pixels the first of its positions, and (at `length + pixel`) the end of its positions. */
function ranges(length: number, count: number, total: number): Int32Array {
  const result = new Int32Array(2 * length);
  for (let pixel = 0; pixel < length; pixel++) {
    const first = Math.min(count - 1, Math.floor((pixel / total) * count + 1e-9));
    const end = Math.ceil(((pixel + 1) / total) * count - 1e-9);
    result[pixel] = first;
    result[length + pixel] = Math.min(count, Math.max(first + 1, end));
  }
  return result;
}
