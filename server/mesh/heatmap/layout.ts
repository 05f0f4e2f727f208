import { LETTER_PX, LINE_PX } from './font.ts';

/** The picture is at most this wide and high, px. */
const MAX_PX = 4096;
/** The cells together take about this much, px, while there are few enough of them. */
const PLOT_PX = 1200;
/** The largest cell, px: room for a figure of four letters. */
const MAX_CELL_PX = 40;
/** The most cells a side; of more pods, several share a cell. */
export const MAX_SIDE = 2_000;
/** The longest name in the legend, letters. */
export const MAX_NAME = 44;
const MARGIN_PX = 12;
/** Lines above the cells (caption, axis) and below them (key of colours, its second line). */
const HEAD_LINES = 3;
const FOOT_LINES = 3;
const MIN_WIDTH = 480;

/** Where everything in the picture is, px. */
export interface Layout {
  width: number;
  height: number;
  /** Left upper corner of the cells, and how far they are apart. */
  left: number;
  top: number;
  cellPx: number;
  /** Left edge of the legend, lines and width of each of its columns. */
  legendLeft: number;
  legendLines: number;
  legendColumnPx: number;
  /** Names that have room; below `pods` the rest is told as a number. */
  legendNames: number;
  /** Upper edge of the key of colours. */
  footTop: number;
}

/** Lays the picture out for `pods` pods in `side` cells a side; the longest legend entry has `nameLetters` letters. */
export function layoutOf(pods: number, side: number, nameLetters: number): Layout {
  const cellPx = Math.max(1, Math.min(MAX_CELL_PX, Math.floor(PLOT_PX / Math.max(1, side))));
  const left = MARGIN_PX + String(pods).length * LETTER_PX + 4;
  const top = MARGIN_PX + HEAD_LINES * LINE_PX;
  const plotPx = side * cellPx;
  const legendLeft = left + plotPx + 2 * MARGIN_PX;
  const legendColumnPx = (String(pods).length + 2 + Math.min(nameLetters, MAX_NAME)) * LETTER_PX + MARGIN_PX;
  const maxColumns = Math.max(1, Math.floor((MAX_PX - legendLeft - MARGIN_PX) / legendColumnPx));
  const maxLines = Math.floor((MAX_PX - top - (FOOT_LINES + 1) * LINE_PX) / LINE_PX);
  const wanted = Math.max(Math.floor(plotPx / LINE_PX), Math.ceil(pods / maxColumns), 1);
  const legendLines = Math.min(wanted, maxLines);
  const columns = Math.min(maxColumns, Math.ceil(pods / legendLines));
  const room = columns * legendLines;
  const footTop = top + Math.max(plotPx, Math.min(pods, legendLines) * LINE_PX) + LINE_PX;
  return {
    width: Math.min(MAX_PX, Math.max(MIN_WIDTH, legendLeft + columns * legendColumnPx + MARGIN_PX)),
    height: Math.min(MAX_PX, footTop + FOOT_LINES * LINE_PX),
    left,
    top,
    cellPx,
    legendLeft,
    legendLines,
    legendColumnPx,
    legendNames: pods <= room ? pods : room - 1,
    footTop,
  };
}
