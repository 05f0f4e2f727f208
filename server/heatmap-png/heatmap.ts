import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Mesh } from '../protocol/mesh.ts';
import { BusyError } from '../runtime/errors.ts';
import {
  CELL_STATES,
  type CellState,
  type Cells,
  cellsOf,
  drawCell,
  type HeatmapLimits,
  INK,
  PALETTE,
} from './cells.ts';
import { LETTER_PX, LINE_PX, shortened } from './font.ts';
import { encodePng, Raster } from './png.ts';

/** Paints heatmaps on request. */
interface HeatmapPainter {
  /** The PNG of a matrix; see `heatmapPng`. Rejects if more than `MAX_WAITING` are wanted at once. */
  paint(mesh: DrawnMesh, limits: HeatmapLimits): Promise<Uint8Array>;
}

/** Who wants the same picture of the same rows gets the same; kept only as long as the rows themselves. */
type Pictures = Map<string, Promise<Uint8Array>>;

/** The most different limits kept for one matrix. */
const MAX_KEPT = 8;
/** The most pictures that wait to be painted, each holding its matrix. */
const MAX_WAITING = 32;

/**
 * Makes a painter that paints one picture at a time: a picture of 1000 pods takes some megabytes while it is painted,
 * and clients who ask together mostly want the same one.
 */
export function createHeatmapPainter(): HeatmapPainter {
  const painted = new WeakMap<DrawnMesh['reports'], Pictures>();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    paint: (mesh, limits) => {
      const pictures = painted.get(mesh.reports) ?? new Map();
      painted.set(mesh.reports, pictures);
      const key = [limits.t0Ms, limits.t1Ms, limits.t2Ms].join(' ');
      const found = pictures.get(key);
      if (found !== undefined) return found;
      if (waiting >= MAX_WAITING) return Promise.reject(new BusyError('too many heatmaps asked for at once'));
      if (pictures.size >= MAX_KEPT) pictures.clear();
      waiting += 1;
      const picture = last
        .then(() => heatmapPng(mesh, limits))
        .finally(() => {
          waiting -= 1;
        });
      pictures.set(key, picture);
      last = picture.catch(() => pictures.delete(key));
      return picture;
    },
  };
}

/** From this size on (px) a cell has room for its figure. */
const FIGURE_PX = 34;
/** The most pods whose cells are that large. */
const FIGURES_UP_TO = 34;
/** Cells looked at or drawn in one turn, well below a millisecond's work. */
const SLICE_CELLS = 5_000;

/** The part of a matrix that is drawn. */
export type DrawnMesh = Pick<Mesh, 'pods' | 'reports' | 'atMs' | 'settings'>;

/**
 * The matrix as a PNG, like Goldpinger's: column = from, row = to, with numbers that the legend gives names to.
 * At most 4096 px a side whatever the number of pods. Gives the event loop back all the time.
 */
export async function heatmapPng(mesh: DrawnMesh, limits: HeatmapLimits): Promise<Buffer> {
  const cells = await collectCells(mesh, limits);
  const names = namesOf(mesh, cells);
  const longest = names.reduce((length, name) => Math.max(length, name.length), 0);
  const layout = layoutOf(cells.pods.length, cells.side, longest);
  const raster = new Raster(layout.width, layout.height);
  raster.text(layout.left, 12, caption(mesh, cells), INK.third);
  await drawCells(raster, cells, layout);
  drawAxes(raster, cells, layout);
  await drawLegend(raster, names, layout);
  drawKey(raster, limits, layout);
  return encodePng(raster, PALETTE);
}

async function collectCells(mesh: DrawnMesh, limits: HeatmapLimits): Promise<Cells> {
  const steps = cellsOf(mesh, limits, { maxSide: MAX_SIDE, figuresUpTo: FIGURES_UP_TO });
  const everyRows = Math.max(1, Math.floor(SLICE_CELLS / Math.max(1, mesh.pods.length)));
  for (let row = 1; ; row++) {
    const step = steps.next();
    if (step.done) return step.value;
    if (row % everyRows === 0) await nextTurn();
  }
}

function namesOf(mesh: DrawnMesh, { pods }: Cells): string[] {
  const missing = new Set(mesh.reports.filter((row) => row.missing !== '').map((row) => row.pod));
  return pods.map((i) => {
    const pod = mesh.pods[i];
    const name = (mesh.settings.displayNodeName && pod?.node) || pod?.name || '';
    const stage = pod === undefined || pod.lifecycle === 'ready' ? '' : pod.lifecycle;
    const notes = [stage, missing.has(i) && stage !== 'starting' ? 'did not report' : ''].filter(Boolean).join(', ');
    return shortened(name, MAX_NAME - (notes === '' ? 0 : notes.length + 3)) + (notes === '' ? '' : ` (${notes})`);
  });
}

function caption(mesh: DrawnMesh, { pods, side }: Cells): string {
  const time = new Date(mesh.atMs).toISOString().slice(0, 19).replace('T', ' ');
  const shared = side < pods.length ? ', the worst of the pairs that share a pixel' : '';
  return `column: from, row: to. ${pods.length} ${pods.length === 1 ? 'pod' : 'pods'}${shared}, ${time} UTC`;
}

async function drawCells(raster: Raster, cells: Cells, { left, top, cellPx }: Layout): Promise<void> {
  const { side } = cells;
  const px = cellPx >= 6 ? cellPx - 1 : cellPx;
  const everyRows = Math.max(1, Math.floor(SLICE_CELLS / Math.max(1, side * Math.min(9, cellPx))));
  for (let to = 0; to < side; to++) {
    if (to % everyRows === 0) await nextTurn();
    for (let from = 0; from < side; from++) {
      const cell = to * side + from;
      const state = CELL_STATES[cells.state[cell] ?? 0] ?? 'unknown';
      const figure = cellPx < FIGURE_PX || state === 'failed' ? '' : figureOf(cells.totalUs[cell] ?? Number.NaN);
      const suspect = cells.suspect[cell] === 1;
      drawCell(raster, { x: left + from * cellPx, y: top + to * cellPx, px, state, suspect, figure });
    }
  }
}

/** Milliseconds in at most four letters. */
function figureOf(us: number): string {
  if (Number.isNaN(us)) return '';
  const ms = us / 1000;
  if (ms < 9.995) return ms.toFixed(2);
  return ms < 9_999.5 ? ms.toFixed(0) : `${(ms / 1000).toFixed(0)}s`;
}

/** Numbers of rows and columns, as many as have room. */
function drawAxes(raster: Raster, { pods, side }: Cells, { left, top, cellPx }: Layout): void {
  const pxOf = (pod: number) => Math.floor((pod * side) / Math.max(1, pods.length)) * cellPx;
  const digits = String(pods.length - 1).length;
  const step = (px: number) => Math.max(1, Math.ceil((px * pods.length) / (Math.max(1, side) * cellPx)));
  const middle = Math.floor(cellPx / 2);
  for (let pod = 0; pod < pods.length; pod += step(digits * LETTER_PX + 3)) {
    const width = String(pod).length * LETTER_PX - 1;
    raster.text(left + pxOf(pod) + Math.max(0, middle - Math.floor(width / 2)), top - LINE_PX, String(pod), INK.third);
  }
  for (let pod = 0; pod < pods.length; pod += step(LINE_PX - 1)) {
    const number = String(pod).padStart(digits);
    raster.text(left - 4 - digits * LETTER_PX, top + pxOf(pod) + Math.max(0, middle - 4), number, INK.third);
  }
}

async function drawLegend(raster: Raster, names: readonly string[], layout: Layout): Promise<void> {
  const { legendLeft, legendLines, legendColumnPx, legendNames, top } = layout;
  const digits = String(names.length - 1).length;
  const at = (i: number) => ({
    x: legendLeft + Math.floor(i / legendLines) * legendColumnPx,
    y: top + (i % legendLines) * LINE_PX,
  });
  for (const [i, name] of names.slice(0, legendNames).entries()) {
    if (i % 50 === 49) await nextTurn();
    const { x, y } = at(i);
    raster.text(x, y, String(i).padStart(digits), INK.third);
    raster.text(x + (digits + 1) * LETTER_PX, y, name, INK.text);
  }
  const rest = names.length - legendNames;
  const { x, y } = at(legendNames);
  if (rest > 0) raster.text(x, y, `... and ${rest} more`, INK.third);
}

/** The key of colours below the cells, in as many lines as it takes. */
function drawKey(raster: Raster, { t0Ms, t1Ms, t2Ms }: HeatmapLimits, { left, footTop, width }: Layout): void {
  const entries: [CellState, string][] = [
    ['good', `to ${t0Ms} ms`],
    ['fair', `to ${t1Ms}`],
    ['warning', `to ${t2Ms}`],
    ['slow', `over ${t2Ms} ms`],
    ['failed', 'failed'],
    ['unknown', 'unknown'],
    ['not-probed', 'not probed'],
    ['not-yet', 'not yet'],
  ];
  let [x, y] = [left, footTop];
  for (const [state, words] of entries) {
    const entryPx = LINE_PX + 4 + words.length * LETTER_PX + LINE_PX;
    if (x + entryPx > width && x > left) {
      x = left;
      y += LINE_PX + 3;
    }
    drawCell(raster, { x, y: y - 1, px: LINE_PX - 1, state, suspect: false, figure: '' });
    raster.text(x + LINE_PX + 4, y, words, INK.text);
    x += entryPx;
  }
}

/** The picture is at most this wide and high, px. */
const MAX_PX = 4096;
/** The cells together take about this much, px, while there are few enough of them. */
const PLOT_PX = 1200;
/** The largest cell, px: room for a figure of four letters. */
const MAX_CELL_PX = 40;
/** The most cells a side; of more pods, several share a cell. */
export const MAX_SIDE = 2_000;
/** The longest name in the legend, letters. */
const MAX_NAME = 44;
const MARGIN_PX = 12;
/** Lines above the cells (caption, axis) and below them (key of colours, its second line). */
const HEAD_LINES = 3;
const FOOT_LINES = 3;
const MIN_WIDTH = 480;

/** Where everything in the picture is, px. */
interface Layout {
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
