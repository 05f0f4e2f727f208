import type { Box, Ring } from './ring-layout.ts';

/** The place of a pod's label. `leader`: the line from the pod to a label that had to move away; otherwise empty. */
export interface Label {
  index: number;
  x: number;
  y: number;
  anchor: 'start' | 'end';
  leader: [number, number][];
}

/** Input of the label layout: labels of `height` px on a ring of pods with radius `reach`, px. */
export interface LabelRequest {
  ring: Ring;
  /** Which pods get a label, the most important first. */
  indexes: readonly number[];
  height: number;
  reach: number;
  /** How far a self-link extends above or below a pod, px. */
  rise: number;
  /** How far labels at the top and bottom of the ring are lifted away from it, so that their leaders cross no pod, px. */
  lift: number;
  box: Box;
}

/** The font of canvases; the same as the page's. */
export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

export const LABEL_SPACE = 10;

/**
 * The positions nearest to `wanted` (ascending) with `gap` between neighbours, within `low..high`. If they do not fit,
 * the gap shrinks. Isotonic regression (pool adjacent violators): minimises the sum of squared moves.
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const step = wanted.length > 1 ? Math.min(gap, Math.max(0, high - low) / (wanted.length - 1)) : gap;
  const pools: { sum: number; count: number }[] = [];
  wanted.forEach((y, i) => {
    let pool = { sum: y - i * step, count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.sum / last.count > pool.sum / pool.count; ) {
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count };
      pools.pop();
      last = pools.at(-1);
    }
    pools.push(pool);
  });
  const top = Math.max(low, high - step * (wanted.length - 1));
  const placed: number[] = [];
  for (const pool of pools) {
    const y = Math.min(top, Math.max(low, pool.sum / pool.count));
    for (let k = 0; k < pool.count; k++) placed.push(y + placed.length * step);
  }
  return placed;
}

/**
 * Places labels beside their pods, outside the ring, never over a pod, and never over each other: if a side has no room for
 * all, only the first ones of `indexes` are placed. Labels on the left end at their pod, labels on the right start there.
 */
export function placeLabels(request: LabelRequest): Label[] {
  return [...placeSide(request, -1), ...placeSide(request, 1)].sort((a, b) => a.index - b.index);
}

function placeSide(request: LabelRequest, side: -1 | 1): Label[] {
  const { ring, height, reach, rise, lift, box } = request;
  const onSide = (index: number) => {
    const x = ring.spots[index]?.x ?? 0;
    return side < 0 ? x < ring.cx - 0.5 : x >= ring.cx - 0.5;
  };
  const yOf = (index: number) => {
    const { x, y } = ring.spots[index] ?? { x: 0, y: 0 };
    const [across, along] = [(x - ring.cx) / (ring.rx || 1), (y - ring.cy) / (ring.ry || 1)];
    return y + (lift * along) / (Math.hypot(across, along) || 1);
  };
  const most = Math.floor(box.height / height);
  const mine = request.indexes.filter(onSide).slice(0, most);
  mine.sort((a, b) => yOf(a) - yOf(b) || a - b);
  const ys = spread(mine.map(yOf), height, box.y + height / 2, box.y + box.height - height / 2);
  const places = mine.map((index, i) => {
    const y = ys[i] ?? 0;
    const spot = ring.spots[index] ?? { x: 0, y: 0 };
    let away = (spot.x - ring.cx) * side + reach;
    for (const other of ring.spots) {
      if (Math.abs(other.y - y) < height / 2 + reach + rise) away = Math.max(away, (other.x - ring.cx) * side + reach);
    }
    return { index, x: ring.cx + side * (away + LABEL_SPACE), y, spot };
  });
  return places.map(({ index, x, y, spot }) => {
    // A leader stays on its own line until it has passed the labels between it and its pod.
    const passed = places.filter((other) => (other.y - y) * (other.y - spot.y) < 0).map((other) => side * other.x);
    const bend = side * Math.min(side * x, ...passed) - side * LABEL_SPACE;
    const moved = Math.abs(y - spot.y) > height / 2 || Math.abs(x - spot.x) > reach + 3 * LABEL_SPACE;
    const leader: [number, number][] = moved
      ? [
          [x - side * 4, y],
          [bend, y],
          [spot.x + (side * reach) / 2, spot.y],
        ]
      : [];
    return { index, x, y, anchor: side < 0 ? 'end' : 'start', leader };
  });
}

/** Estimated width of a character in em: Latin letters of a wide system font, and all other characters. */
const LATIN_EM = 0.54;
const OTHER_EM = 1.05;

export function textWidth(text: string, sizePx: number): number {
  let ems = 0;
  for (const char of text) ems += char < '\u0250' ? LATIN_EM : OTHER_EM;
  return ems * sizePx;
}

/** Least length of a shortened last word, characters: "(Imag…Off)". */
const LEAST_END = 10;

/** The first words of a sentence that fit in about `width` px, at least one. If only the last one does not fit, it is shortened. */
export function beginningOf(text: string, width: number, sizePx: number): string {
  const words = text.slice(0, 600).split(' ');
  const start = text.slice(0, text.lastIndexOf(' ') + 1);
  const room = width - textWidth(start, sizePx);
  if (text.length <= 600 && room >= LEAST_END * LATIN_EM * sizePx) {
    return `${start}${fitText(text.slice(start.length), room, sizePx)}`;
  }
  for (let count = words.length; count > 1; count--) {
    const part = words.slice(0, count).join(' ');
    const shown = count === words.length && text.length <= 600 ? part : `${part.replace(/[,;:]$/, '')}…`;
    if (textWidth(shown, sizePx) <= width) return shown;
  }
  return fitText(text, width, sizePx);
}

/**
 * Shortens a text in its middle to about `width` px, because pod names differ at their end. `sizePx` is the font size.
 * At least the first and the last character stay.
 */
export function fitText(text: string, width: number, sizePx: number): string {
  // Kubernetes names have at most 253 characters. Longer texts are cut before they are measured.
  const chars = [...text.slice(0, 600)];
  if (text.length <= 600 && textWidth(text, sizePx) <= width) return text;
  const without = (kept: number) => {
    const head = Math.ceil(kept / 2);
    return `${chars.slice(0, head).join('')}…${chars.slice(chars.length - kept + head).join('')}`;
  };
  let kept = Math.min(chars.length, Math.floor(width / sizePx / LATIN_EM));
  while (kept > 2 && textWidth(without(kept), sizePx) > width) kept--;
  return without(Math.min(chars.length, Math.max(2, kept)));
}
