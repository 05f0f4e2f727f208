import type { CellState } from './cells.ts';
import { LETTER_PX } from './font.ts';
import { INK } from './palette.ts';
import type { Raster } from './raster.ts';

/** One cell to draw. `figure` is '' where there is no room or nothing to say. */
export interface DrawnCell {
  x: number;
  y: number;
  /** Width and height without the gap to the next. */
  px: number;
  state: CellState;
  suspect: boolean;
  figure: string;
}

/** From this size on (px) there is room for a mark, and for less than a mark but more than colour. */
const MARK_PX = 9;
const PATTERN_PX = 4;

const FILLS: Record<CellState, number> = {
  'not-probed': INK.notProbed,
  'not-yet': INK.notProbed,
  good: INK.good,
  fair: INK.fair,
  unknown: INK.unknown,
  warning: INK.warning,
  slow: INK.slow,
  failed: INK.failed,
};

/** Draws a cell: its colour, and what tells its state without colour where there is room. */
export function drawCell(raster: Raster, cell: DrawnCell): void {
  const { x, y, px, state, suspect, figure } = cell;
  raster.fill(x, y, px, px, FILLS[state]);
  if (px < PATTERN_PX) return;
  if (state === 'unknown') lattice(raster, cell, INK.hatch);
  else if (state === 'not-probed' || state === 'not-yet') drawNotProbed(raster, cell);
  else if (state === 'failed') drawFailed(raster, cell);
  else if (state === 'warning' && px >= MARK_PX) bars(raster, cell, 1, INK.text);
  else if (state === 'slow') bars(raster, cell, px >= MARK_PX ? 2 : 1, INK.surface);
  if (suspect && px >= PATTERN_PX) notch(raster, cell);
  if (figure !== '') {
    const ink = state === 'slow' || state === 'failed' ? INK.surface : INK.text;
    const width = figure.length * LETTER_PX - 1;
    raster.text(x + Math.floor((px - width) / 2), y + Math.floor(px / 2) - 6, figure, ink);
  }
}

/** Slanted lines, 4 px apart. */
function lattice(raster: Raster, { x, y, px }: DrawnCell, ink: number): void {
  for (let dy = 0; dy < px; dy++) {
    for (let dx = (4 - (dy % 4)) % 4; dx < px; dx += 4) raster.dot(x + dx, y + dy, ink);
  }
}

function drawNotProbed(raster: Raster, { x, y, px, state }: DrawnCell): void {
  const middle = Math.floor(px / 2);
  const size = px >= MARK_PX ? 2 : 1;
  raster.fill(x + middle - 1, y + middle - 1, size, size, INK.edge);
  if (state !== 'not-yet' || px < MARK_PX) return;
  for (const side of [-4, 4]) raster.fill(x + middle - 1 + side, y + middle - 1, size, size, INK.edge);
  for (let i = 0; i < px; i++) {
    if (i % 4 > 1) continue;
    for (const edge of [0, px - 1]) {
      raster.dot(x + i, y + edge, INK.edge);
      raster.dot(x + edge, y + i, INK.edge);
    }
  }
}

/** A cross; in small cells a thin lattice, so that they stay the darkest. */
function drawFailed(raster: Raster, cell: DrawnCell): void {
  const { x, y, px } = cell;
  if (px < MARK_PX) {
    lattice(raster, cell, INK.surface);
    return;
  }
  const inset = Math.ceil(px / 4);
  const thick = px >= 2 * MARK_PX ? 2 : 1;
  for (let i = inset; i < px - inset; i++) {
    raster.fill(x + i, y + i, thick, 1, INK.surface);
    raster.fill(x + px - 1 - i, y + i, thick, 1, INK.surface);
  }
}

/** Bars along the lower edge, or one across the middle of a small cell. */
function bars(raster: Raster, { x, y, px }: DrawnCell, count: number, ink: number): void {
  if (px < MARK_PX) {
    raster.fill(x, y + Math.floor(px / 2), px, 1, ink);
    return;
  }
  const inset = Math.max(2, Math.floor(px / 8));
  const thick = px >= 2 * MARK_PX ? 2 : 1;
  for (let i = 0; i < count; i++) {
    raster.fill(x + inset, y + px - inset - thick - i * 2 * thick, px - 2 * inset, thick, ink);
  }
}

/** The upper right corner cut off in the colour of suspicion. */
function notch(raster: Raster, { x, y, px }: DrawnCell): void {
  const size = Math.max(2, Math.floor(px / 4));
  for (let i = 0; i < size; i++) raster.fill(x + px - size + i, y + i, size - i, 1, INK.suspect);
}
