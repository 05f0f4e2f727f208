import { interpolateRgb, lab, quantize, rgb } from 'd3';
import type { Change } from '../../../server/protocol/comparison.ts';
import type { Token } from '../../components/canvas.ts';
import { CHANGE_SIGNS, type ChangeMapModel, changeAt, deltaFigure } from '../../model/comparison.ts';
import { packColour } from '../../model/heat-colours.ts';
import { FONT } from '../../model/label-layout.ts';

export interface MapLayout {
  /** The size of a cell with its gap, and the gap. */
  pitch: number;
  gap: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Cells from FIGURE_FROM px on have a figure, cells from NAMES_FROM px on a mark; pod names need NAMES_FROM px, too. */
const [FIGURE_FROM, NAMES_FROM] = [38, 13];
/** The largest cell with its gap, and the height of a line of names, px. */
const [MAX_PITCH, LINE] = [72, 22];

/** Lays the map out in `room` (CSS px). It never scrolls: of many pods several share a pixel. */
export function layoutMap(
  ctx: CanvasRenderingContext2D,
  { pods, n }: Pick<ChangeMapModel, 'pods' | 'n'>,
  room: { width: number; height: number },
): MapLayout {
  ctx.font = `13px ${FONT}`;
  const longest = [...pods].sort((a, b) => b.label.length - a.label.length).slice(0, 3);
  const widths = longest.map((pod) => ctx.measureText(pod.label).width);
  const label = Math.min(130, Math.ceil(Math.max(0, ...widths)) + 10);
  const across = (room.width - label) / Math.max(1, n);
  const fits = (above: number) => Math.floor(Math.min(across, (room.height - above) / Math.max(1, n)));
  // The names of columns are upright where a cell is too narrow for them.
  const head = label < Math.min(MAX_PITCH, fits(LINE)) ? LINE : label;
  // If there is room for one set of names only, the rows have it: the columns are in the same order.
  const isHeaded = fits(head) >= NAMES_FROM;
  const named = isHeaded ? fits(head) : fits(0);
  const isNamed = named >= NAMES_FROM;
  const most = Math.min(room.width, room.height) / Math.max(1, n);
  const pitch = isNamed ? Math.min(MAX_PITCH, named) : most >= 6 ? Math.min(NAMES_FROM, Math.floor(most)) : most;
  const [left, top] = [isNamed ? label : 0, isHeaded ? head : 0];
  const gap = pitch >= 24 ? 3 : pitch >= 6 ? 1 : 0;
  return { pitch, gap, left, top, width: left + pitch * n, height: top + pitch * n };
}

/** Draws the map of what changed, `ctx` in CSS px. Returns the pixels that cells share, if any. */
export function drawChanges(
  ctx: CanvasRenderingContext2D,
  map: ChangeMapModel,
  layout: MapLayout,
  token: Token,
): MapPixels | null {
  const { n } = map;
  const { pitch, gap, left, top } = layout;
  if (left > 0) drawNames(ctx, map, layout, token);
  const lookOf = looksOf(map, token);
  if (gap === 0) return drawPixels(ctx, map, layout, lookOf);
  ctx.textBaseline = 'middle';
  for (let pair = 0; pair < n * n; pair++) {
    ctx.save();
    ctx.translate(left + Math.floor(pair / n) * pitch, top + (pair % n) * pitch);
    drawCell(ctx, map, pair, lookOf(pair), pitch - gap);
    ctx.restore();
  }
  return null;
}

function drawNames(ctx: CanvasRenderingContext2D, { pods }: ChangeMapModel, layout: MapLayout, token: Token): void {
  const { pitch, gap, left, top } = layout;
  ctx.fillStyle = token('--text');
  ctx.textBaseline = 'middle';
  pods.forEach(({ label, isTarget }, i) => {
    ctx.font = `${isTarget ? '600 ' : ''}${Math.min(13, pitch)}px ${FONT}`;
    const middle = i * pitch + (pitch - gap) / 2;
    ctx.textAlign = 'right';
    ctx.fillText(label, left - 8, top + middle, left - 8);
    if (top === 0) return;
    ctx.save();
    ctx.translate(left + middle, top - 8);
    if (top > LINE) ctx.rotate(-Math.PI / 2);
    ctx.textAlign = top > LINE ? 'left' : 'center';
    ctx.fillText(label, 0, 0, top > LINE ? top - 8 : pitch);
    ctx.restore();
  });
}

/** The fill of a cell and the ink on it by what became of its link. Changed latencies: `changeColours`. */
export const CHANGE_LOOKS: Record<Change, readonly [fill: string, ink: string]> = {
  unknown: ['--unknown-ground', '--text-second'],
  same: ['--sunken', '--text'],
  slower: ['--slow-cell', '--slow-ink'],
  faster: ['--accent', '--accent-ink'],
  recovered: ['--good-cell', '--good-ink'],
  'fails-more': ['--failed-cell', '--failed-ink'],
  'still-fails': ['--failed-tint', '--failed-word'],
  'loses-more': ['--warning-tint', '--text'],
  'new-bad': ['--failed-cell', '--failed-ink'],
  new: ['--accent-tint', '--text'],
  gone: ['--surface', '--text-second'],
};

/** The colours of a cell. `isWord`: what became of the link is said by its mark, not by a figure. */
interface CellLook extends CellColours {
  isWord: boolean;
}

function looksOf(map: ChangeMapModel, token: Token): (pair: number) => CellLook {
  const colours = changeColours(token('--sunken'), token('--slow-cell'), token('--accent'), token('--text'));
  return (pair) => {
    const change = changeAt(map, pair);
    if (change === 'same' || change === 'slower' || change === 'faster') {
      const delta = map.deltaUs[pair] ?? Number.NaN;
      // The link always failed before, so there is no median to compare with.
      const isWord = change === 'slower' && Number.isNaN(delta);
      return { ...colours(isWord ? 1 : changeShare(delta, map.maxDeltaUs)), isWord };
    }
    const [fill, ink] = CHANGE_LOOKS[change];
    return { fill: token(fill), ink: token(ink), isWord: true };
  };
}

/** How much a change matters where cells share a pixel; from `SPREAD_FROM` on a cell covers 3 x 3, so that one row is seen. */
const RANKS: Record<Change, number> = {
  same: 0,
  unknown: 1,
  new: 2,
  gone: 2,
  recovered: 3,
  faster: 3,
  slower: 4,
  'loses-more': 4.5,
  'still-fails': 5,
  'fails-more': 6,
  'new-bad': 7,
};
const SPREAD_FROM = 4.4;

/** What a map of many pods shows of each of its pixels. */
export interface MapPixels {
  side: number;
  /** The pair that a pixel shows; -1 = none. Row by row. */
  pairs: Int32Array;
}

/** Chooses the pair of each pixel, the one that matters most, for a map of `side` x `side` px. O(n^2). */
export function pixelsOf(map: ChangeMapModel, side: number): MapPixels {
  const { n } = map;
  const pairs = new Int32Array(side * side).fill(-1);
  const ranks = new Float32Array(side * side).fill(-1);
  const rankOf = (pair: number) => {
    const change = changeAt(map, pair);
    const rank = RANKS[change];
    return rank === 3 || rank === 4
      ? rank + Math.min(0.99, Math.abs(changeShare(map.deltaUs[pair] ?? 0, map.maxDeltaUs)))
      : rank;
  };
  for (let pair = 0; pair < n * n; pair++) {
    const rank = rankOf(pair);
    const [column, row] = [Math.floor(pair / n), pair % n];
    const out = rank >= SPREAD_FROM ? 1 : 0;
    const [left, right] = [Math.floor((column * side) / n) - out, Math.ceil(((column + 1) * side) / n) + out];
    const [top, bottom] = [Math.floor((row * side) / n) - out, Math.ceil(((row + 1) * side) / n) + out];
    for (let y = Math.max(0, top); y < Math.min(side, bottom); y++) {
      for (let x = Math.max(0, left); x < Math.min(side, right); x++) {
        const at = y * side + x;
        if (rank <= (ranks[at] ?? 0)) continue;
        ranks[at] = rank;
        pairs[at] = pair;
      }
    }
  }
  return { side, pairs };
}

/** Draws cells too small for gaps and marks, as an image: a million rectangles would take a second. */
function drawPixels(
  ctx: CanvasRenderingContext2D,
  map: ChangeMapModel,
  { left, top, pitch }: MapLayout,
  lookOf: (pair: number) => CellLook,
): MapPixels {
  const size = map.n * pitch;
  const { side, pairs } = pixelsOf(map, Math.max(1, Math.round(size * ctx.getTransform().a)));
  const image = new ImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  const packed = new Map<string, number>();
  for (const [at, pair] of pairs.entries()) {
    if (pair < 0) continue;
    const { fill } = lookOf(pair);
    const colour = packed.get(fill) ?? packColour(fill);
    packed.set(fill, colour);
    pixels[at] = colour;
  }
  const drawn = new OffscreenCanvas(side, side);
  drawn.getContext('2d')?.putImageData(image, 0, 0);
  ctx.drawImage(drawn, left, top, size, size);
  return { side, pairs };
}

/** Draws a cell of `size` px at the origin. */
function drawCell(
  ctx: CanvasRenderingContext2D,
  map: ChangeMapModel,
  pair: number,
  { fill, ink, isWord }: CellLook,
  size: number,
): void {
  const mark = CHANGE_SIGNS[changeAt(map, pair)].sign;
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.roundRect(0, 0, size, size, size >= 12 ? 3 : 0);
  ctx.fill();
  if (size < NAMES_FROM - 1) return;
  ctx.fillStyle = ink;
  ctx.textAlign = 'center';
  if (isWord || size < FIGURE_FROM) {
    ctx.font = `600 ${Math.min(20, size * 0.7)}px ${FONT}`;
    ctx.fillText(mark, size / 2, size / 2 + 1);
    return;
  }
  const figure = deltaFigure(map.deltaUs[pair] ?? Number.NaN);
  ctx.font = `${mark === '' ? '' : '600 '}13px ${FONT}`;
  ctx.fillText(figure, size / 2, size / 2 + (mark === '' ? 1 : 4), size - 4);
  if (mark !== '') ctx.fillText(mark, size - 10, 11);
}

const LEAST_SCALE_US = 5_000;

/** How many steps a colour takes from "same" to the most that changed. */
const STEPS = 12;

/** The fill of a cell, and what can be read on it. */
interface CellColours {
  fill: string;
  ink: string;
}

/**
 * Mixes the colours of changes from three tokens, `#rrggbb` each: those of -1 are the most that anything became faster, of 1
 * slower, of 0 the same. `text`: the usual ink, kept where it can be read.
 */
export function changeColours(same: string, slower: string, faster: string, text: string) {
  const mixed = (end: string) =>
    quantize(interpolateRgb(same, end), STEPS + 1).map((colour) => {
      const fill = rgb(colour).formatHex();
      return { fill, ink: inkOn(fill, text) };
    });
  const [up, down] = [mixed(slower), mixed(faster)];
  return (share: number): CellColours =>
    (share < 0 ? down : up)[Math.round(Math.min(1, Math.abs(share)) * STEPS)] ?? { fill: same, ink: text };
}

/** White or black can be read on any colour. A lightness that differs by 50 is a contrast of 4.5 at the least (WCAG 2, AA). */
function inkOn(fill: string, text: string): string {
  const differs = (ink: string) => Math.abs(lab(ink).l - lab(fill).l) >= 50;
  return [text, '#ffffff'].find(differs) ?? '#000000';
}

/**
 * Where a change (us) lies between the same (0) and the most that changed (-1 or 1): by the square root, so that what
 * changed by a tenth is still seen. The scale reaches at least 5 ms, so that noise is pale; below a tenth of a millisecond
 * everything is the same.
 */
export function changeShare(deltaUs: number, mostUs: number): number {
  if (!(Math.abs(deltaUs) >= 100)) return 0;
  return Math.sign(deltaUs) * Math.sqrt(Math.min(1, Math.abs(deltaUs) / Math.max(LEAST_SCALE_US, mostUs)));
}
