import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Mesh } from '../../contract/mesh.ts';
import { drawCell } from './cell-marks.ts';
import { CELL_STATES, type CellState, type Cells, cellsOf, type HeatmapLimits } from './cells.ts';
import { LETTER_PX, LINE_PX, shortened } from './font.ts';
import { type Layout, layoutOf, MAX_NAME, MAX_SIDE } from './layout.ts';
import { INK, PALETTE } from './palette.ts';
import { encodePng } from './png.ts';
import { Raster } from './raster.ts';

/** From this size on (px) a cell has room for its figure. */
const FIGURE_PX = 34;
/** The most pods whose cells are that large. */
const FIGURES_UP_TO = 34;
/** Cells looked at or drawn in one turn, well below a millisecond's work. */
const SLICE_CELLS = 5_000;

/** The part of a matrix that is drawn. */
export type DrawnMesh = Pick<Mesh, 'pods' | 'rows' | 'atMs' | 'settings'>;

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
  const missing = new Set(mesh.rows.filter((row) => row.missing !== '').map((row) => row.pod));
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
