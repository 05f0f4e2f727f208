import { isReportMissing, type Thresholds } from '../protocol/link-state.ts';
import { podNamer } from '../protocol/pod-names.ts';
import { realClock } from '../runtime/clock.ts';
import { SerialQueue, TimeSlice } from '../runtime/concurrency.ts';
import { countText, plural } from '../runtime/count-text.ts';
import {
  CELL_STATES,
  type CellState,
  type Cells,
  cellPixels,
  cellPxOf,
  collectCells,
  type DrawnMesh,
  INK,
  PALETTE,
} from './cells.ts';
import { LETTER_PX, LINE_PX, shortened } from './font.ts';
import { encodePng, Raster } from './png.ts';

/** The most heatmaps that wait to be painted; each of them keeps its mesh in memory. */
const MAX_WAITING = 32;

/** Paints one heatmap at a time, because a heatmap of 1000 pods takes some megabytes while it is painted. */
export class HeatmapPainter {
  readonly #queue = new SerialQueue(MAX_WAITING, 'too many heatmaps are requested at once');

  /** The PNG of a mesh; see `heatmapPng`. Rejects with a BusyError if more than MAX_WAITING are requested at once. */
  paint(mesh: DrawnMesh, limits: Thresholds): Promise<Buffer> {
    return this.#queue.run(() => heatmapPng(mesh, limits));
  }
}

/**
 * Draws the mesh as a PNG, like Goldpinger's heatmap: column = from, row = to, with numbers that the legend explains.
 * At most MAX_PX per side, whatever the number of pods. Works in slices of 1 ms.
 */
export async function heatmapPng(mesh: DrawnMesh, limits: Thresholds): Promise<Buffer> {
  const cells = await collectCells(mesh, limits);
  const names = namesOf(mesh, cells);
  const longest = names.reduce((length, name) => Math.max(length, name.length), 0);
  const layout = layoutOf(cells.pods.length, longest);
  const raster = new Raster(layout.width, layout.height);
  raster.text(layout.left, 12, captionOf(mesh, cells), INK.third);
  await drawCells(raster, cells, layout);
  drawAxes(raster, cells, layout);
  await drawLegend(raster, names, layout);
  drawColourKey(raster, limits, layout);
  return encodePng(raster, PALETTE);
}

function namesOf(mesh: DrawnMesh, { pods }: Cells): string[] {
  const nameOf = podNamer(mesh.pods);
  const missing = new Map(mesh.reports.map((report) => [report.pod, report.missing]));
  return pods.map((i) => {
    const pod = mesh.pods[i];
    const name = (mesh.settings.displayNodeName && pod?.node) || nameOf(pod);
    const stage = pod === undefined || pod.lifecycle === 'ready' ? '' : pod.lifecycle;
    const why = missing.get(i) ?? '';
    const isMissing = isReportMissing({ missing: why }) && stage !== 'starting';
    const report = isMissing ? 'did not report' : why === 'passive' ? 'passive' : '';
    const notes = [stage, report].filter(Boolean).join(', ');
    return shortened(name, MAX_NAME - (notes === '' ? 0 : notes.length + 3)) + (notes === '' ? '' : ` (${notes})`);
  });
}

function captionOf(mesh: DrawnMesh, { pods, left }: Cells): string {
  const time = new Date(mesh.atMs).toISOString().slice(0, 19).replace('T', ' ');
  const more = left > 0 ? ` and ${countText(left)} more, which are not drawn` : '';
  return `column: from, row: to. ${plural(pods.length, 'pod')}${more}, ${time} UTC`;
}

async function drawCells(raster: Raster, cells: Cells, { left, top, cellPx }: Layout): Promise<void> {
  const side = cells.pods.length;
  const px = cellPx >= 6 ? cellPx - 1 : cellPx;
  const slice = new TimeSlice(realClock);
  // A cell's pixels are made once for each state, with and without the mark for suspect.
  const images = CELL_STATES.map((state) => [false, true].map((suspect) => cellPixels(state, suspect, px)));
  for (let to = 0; to < side; to++) {
    if (slice.isOver()) await slice.next();
    for (let from = 0; from < side; from++) {
      const cell = to * side + from;
      const [x, y] = [left + from * cellPx, top + to * cellPx];
      const code = cells.state[cell] ?? 0;
      const image = images[code]?.[cells.suspect[cell] ?? 0];
      if (image !== undefined) raster.copy(x, y, image, px);
      const state = CELL_STATES[code];
      // The mark of a failed cell takes the place of a number. Without `totalUs` no cell has room for one.
      if (cells.totalUs.length === 0 || state === 'failed') continue;
      const number = millisecondsOf(cells.totalUs[cell] ?? Number.NaN);
      const width = number.length * LETTER_PX - 1;
      const ink = state === 'slow' ? INK.surface : INK.text;
      raster.text(x + Math.floor((px - width) / 2), y + Math.floor(px / 2) - 6, number, ink);
    }
  }
}

/** Milliseconds in at most four characters. */
function millisecondsOf(us: number): string {
  if (Number.isNaN(us)) return '';
  const ms = us / 1000;
  if (ms < 9.995) return ms.toFixed(2);
  return ms < 9_999.5 ? ms.toFixed(0) : `${(ms / 1000).toFixed(0)}s`;
}

/** Draws the numbers of rows and columns, as many as have room. */
function drawAxes(raster: Raster, { pods }: Cells, { left, top, cellPx }: Layout): void {
  const digits = String(pods.length - 1).length;
  const step = (px: number) => Math.max(1, Math.ceil(px / cellPx));
  const middle = Math.floor(cellPx / 2);
  for (let pod = 0; pod < pods.length; pod += step(digits * LETTER_PX + 3)) {
    const width = String(pod).length * LETTER_PX - 1;
    const x = left + pod * cellPx + Math.max(0, middle - Math.floor(width / 2));
    raster.text(x, top - LINE_PX, String(pod), INK.third);
  }
  for (let pod = 0; pod < pods.length; pod += step(LINE_PX - 1)) {
    const number = String(pod).padStart(digits);
    raster.text(left - 4 - digits * LETTER_PX, top + pod * cellPx + Math.max(0, middle - 4), number, INK.third);
  }
}

async function drawLegend(raster: Raster, names: readonly string[], layout: Layout): Promise<void> {
  const slice = new TimeSlice(realClock);
  const { legendLeft, legendLines, legendColumnPx, legendNames, top } = layout;
  const digits = String(names.length - 1).length;
  const at = (i: number) => ({
    x: legendLeft + Math.floor(i / legendLines) * legendColumnPx,
    y: top + (i % legendLines) * LINE_PX,
  });
  for (const [i, name] of names.slice(0, legendNames).entries()) {
    if (slice.isOver()) await slice.next();
    const { x, y } = at(i);
    raster.text(x, y, String(i).padStart(digits), INK.third);
    raster.text(x + (digits + 1) * LETTER_PX, y, name, INK.text);
  }
  const rest = names.length - legendNames;
  const { x, y } = at(legendNames);
  if (rest > 0) raster.text(x, y, `... and ${countText(rest)} more`, INK.third);
}

/** Draws the key of colours below the cells, in as many lines as it needs. */
function drawColourKey(
  raster: Raster,
  { goodMs, warningMs, problemMs }: Thresholds,
  { left, footTop, width }: Layout,
): void {
  const entries: [CellState, string][] = [
    ['good', `below ${goodMs} ms`],
    ['fair', `below ${warningMs}`],
    ['warning', `below ${problemMs}`],
    ['slow', `${problemMs} ms or more`],
    ['failed', 'failed'],
    ['unknown', 'unknown'],
    ['not-probed', 'not probed'],
    ['not-yet', 'pending'],
  ];
  let [x, y] = [left, footTop];
  for (const [state, label] of entries) {
    const entryPx = LINE_PX + 4 + label.length * LETTER_PX + LINE_PX;
    if (x + entryPx > width && x > left) {
      x = left;
      y += LINE_PX + 3;
    }
    raster.copy(x, y - 1, cellPixels(state, false, LINE_PX - 1), LINE_PX - 1);
    raster.text(x + LINE_PX + 4, y, label, INK.text);
    x += entryPx;
  }
}

/** The largest width and height of the image. */
const MAX_PX = 4096;
/** The longest name in the legend, in characters. */
const MAX_NAME = 44;
const MARGIN_PX = 12;
/** Lines of text above the cells (caption, axis) and below them (key of colours). */
const HEAD_LINES = 3;
const FOOT_LINES = 3;
const MIN_WIDTH = 480;

/** Where everything in the image is, in px; see `layoutOf`. */
type Layout = ReturnType<typeof layoutOf>;

/** Computes the layout for `pods` pods; the longest legend entry has `nameLength` characters. */
export function layoutOf(pods: number, nameLength: number) {
  const cellPx = cellPxOf(pods);
  const left = MARGIN_PX + String(pods).length * LETTER_PX + 4;
  const top = MARGIN_PX + HEAD_LINES * LINE_PX;
  const plotPx = pods * cellPx;
  const legendLeft = left + plotPx + 2 * MARGIN_PX;
  const legendColumnPx = (String(pods).length + 2 + Math.min(nameLength, MAX_NAME)) * LETTER_PX + MARGIN_PX;
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
    /** Upper left corner of the cells, and the distance from one to the next. */
    left,
    top,
    cellPx,
    /** Left edge of the legend, and lines and width of each of its columns. */
    legendLeft,
    legendLines,
    legendColumnPx,
    /** How many names have room; of the others only their number is shown. */
    legendNames: pods <= room ? pods : room - 1,
    /** Upper edge of the key of colours. */
    footTop,
  };
}
