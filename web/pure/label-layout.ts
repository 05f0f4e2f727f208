import type { Box, Ring } from './circle-layout.ts';

/** The place of one pod's words. `leader` is the line from the pod to them where they had to move away, else empty. */
export interface Label {
  index: number;
  x: number;
  y: number;
  anchor: 'start' | 'end';
  leader: [number, number][];
}

/** What is to be labelled: `height` px of words a pod, on a ring whose pods reach `reach` px beyond their centres. */
export interface LabelRequest {
  ring: Ring;
  /** Which pods get words. */
  indexes: readonly number[];
  height: number;
  reach: number;
  /** How much more a pod reaches upwards and downwards (a loop on top). */
  rise: number;
  box: Box;
}

const SPACE = 10;

/**
 * Positions nearest to `wanted` (ascending) that keep `gap` between neighbours and lie within `low..high`. If they do
 * not fit, the gap gives way. (Isotonic regression by pooling: the least sum of squared moves.)
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
 * Words beside their pods, outside the ring, never over another pod and never over each other as long as a side has
 * room for them: left ones end at their pod, right ones start there.
 */
export function placeLabels(request: LabelRequest): Label[] {
  return [...placeSide(request, -1), ...placeSide(request, 1)].sort((a, b) => a.index - b.index);
}

function placeSide(request: LabelRequest, side: -1 | 1): Label[] {
  const { ring, height, reach, rise, box } = request;
  const onSide = (index: number) => {
    const x = ring.spots[index]?.x ?? 0;
    return side < 0 ? x < ring.cx - 0.5 : x >= ring.cx - 0.5;
  };
  const yOf = (index: number) => ring.spots[index]?.y ?? 0;
  const mine = request.indexes.filter(onSide).sort((a, b) => yOf(a) - yOf(b) || a - b);
  const ys = spread(mine.map(yOf), height, box.y + height / 2, box.y + box.height - height / 2);
  return mine.map((index, i) => {
    const y = ys[i] ?? 0;
    const spot = ring.spots[index] ?? { x: 0, y: 0 };
    let away = (spot.x - ring.cx) * side + reach;
    for (const other of ring.spots) {
      if (Math.abs(other.y - y) < height / 2 + reach + rise) away = Math.max(away, (other.x - ring.cx) * side + reach);
    }
    const x = ring.cx + side * (away + SPACE);
    const moved = Math.abs(y - spot.y) > height / 2 || Math.abs(x - spot.x) > reach + 3 * SPACE;
    const leader: [number, number][] = moved
      ? [
          [x - side * 4, y],
          [x - side * SPACE, y],
          [spot.x + (side * reach) / 2, spot.y],
        ]
      : [];
    return { index, x, y, anchor: side < 0 ? 'end' : 'start', leader };
  });
}

/** Width of a character in em: of Latin letters on the wide side, as system fonts differ; of all others a full em. */
const LATIN_EM = 0.54;
const OTHER_EM = 1.05;

/** About how wide a text is, px. */
export function textWidth(text: string, sizePx: number): number {
  return emsOf([...text]).reduce((total, em) => total + em, 0) * sizePx;
}

function emsOf(chars: readonly string[]): number[] {
  return chars.map((char) => (char < '\u0250' ? LATIN_EM : OTHER_EM));
}

/** As many whole words from the beginning of a sentence as fit in about `width` px, at least one. */
export function beginningOf(text: string, width: number, sizePx: number): string {
  const words = text.slice(0, 600).split(' ');
  for (let count = words.length; count > 1; count--) {
    const part = words.slice(0, count).join(' ');
    const shown = count === words.length && text.length <= 600 ? part : `${part.replace(/[,;:]$/, '')}…`;
    if (textWidth(shown, sizePx) <= width) return shown;
  }
  return fitText(text, width, sizePx);
}

/**
 * A text cut in its middle to about `width` px, because the ends of pod names tell them apart. `sizePx` is the font
 * size. At least its first and last characters stay.
 */
export function fitText(text: string, width: number, sizePx: number): string {
  // The longest name that Kubernetes allows has 253 characters; what is longer is cut before it is measured.
  const chars = [...text.slice(0, 600)];
  const ems = emsOf(chars);
  const sum = ems.reduce((total, em) => total + em, 0);
  const room = width / sizePx;
  if (sum <= room && text.length <= 600) return text;
  let left = room - OTHER_EM;
  let head = 0;
  let tail = 0;
  while (head + tail < chars.length) {
    const isHead = head <= tail;
    const em = ems[isHead ? head : chars.length - 1 - tail] ?? OTHER_EM;
    if (left < em && head > 0 && tail > 0) break;
    left -= em;
    if (isHead) head++;
    else tail++;
  }
  return `${chars.slice(0, head).join('')}…${chars.slice(chars.length - tail).join('')}`;
}
