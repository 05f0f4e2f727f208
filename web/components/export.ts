import type { Thresholds } from '../../server/protocol/link-state.ts';
import { countText } from '../../server/runtime/count-text.ts';
import { FIGURE_NAMES, stateLimits } from '../model/figure-words.ts';
import { isFigure } from '../model/figures.ts';
import { dateText, zoneText } from '../model/format.ts';
import { cellTokens } from '../model/heat-colours.ts';
import { FONT } from '../model/label-layout.ts';
import { csvOf } from '../model/link-csv.ts';
import { codeOf, type LinkState } from '../model/links.ts';
import { DROP, linkMark } from '../model/marks.ts';
import { buildPicture, type Picture } from '../model/mesh-view.ts';
import { LOSSY, legendStates, sharedOutcome, stateWords, UNRELIABLE } from '../model/messages.ts';
import { shownName } from '../model/names.ts';
import { drawMark } from './canvas.ts';
import type { ViewProps } from './view-props.ts';

const LEGEND_WIDTH = 380;
const LINE = 26;
const MARGIN = 16;

/** A view as it is drawn into an image, CSS px. */
export interface ImageContent {
  name: 'heatmap' | 'graph';
  width: number;
  height: number;
  dpr: number;
  token(name: string): string;
  /** Draws the view; `ctx` is in CSS px. */
  draw(ctx: CanvasRenderingContext2D): void | Promise<void>;
}

/** Saves a view as PNG, with legend, time and serving pod beside it. */
export async function savePng(
  content: ImageContent,
  { picture: shown, thresholds }: Pick<ViewProps, 'thresholds' | 'picture'>,
): Promise<void> {
  const picture = shown.fold?.pods ?? shown;
  const { name, width, dpr, token } = content;
  const canvas = document.createElement('canvas');
  const height = Math.max(content.height, LINE * (legendStates(picture.counts).length + 6) + 2 * MARGIN);
  canvas.width = Math.round((width + LEGEND_WIDTH) * dpr);
  canvas.height = Math.round(height * dpr);
  const ctx = canvas.getContext('2d');
  if (ctx === null) return;
  ctx.fillStyle = token('--page');
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  await content.draw(ctx);
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  drawLegend(ctx, picture, thresholds, token, width + MARGIN);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob !== null) save(blob, `goldpinger-${name}-${stampOf(picture)}.png`);
}

function drawLegend(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  thresholds: Thresholds,
  token: ImageContent['token'],
  x: number,
): void {
  const { mesh } = picture;
  const right = x + LEGEND_WIDTH - 2 * MARGIN;
  let y = MARGIN + 8;
  const write = (text: string, at: number, weight: number, colour: string, align: CanvasTextAlign = 'left') => {
    ctx.font = `${weight} 13px ${FONT}`;
    ctx.fillStyle = token(colour);
    ctx.textAlign = align;
    ctx.textBaseline = 'middle';
    ctx.fillText(text, at, y);
  };
  write(picture.figure === null ? 'Legend' : FIGURE_NAMES[picture.figure], x, 600, '--text');
  write(`${countText(picture.n * picture.n)} links`, right, 400, '--text-second', 'right');
  const failedBy = sharedOutcome(picture);
  const entry = (name: string, note: string, count: number) => {
    write(name, x + 30, count > 0 ? 600 : 400, count > 0 ? '--text' : '--text-third');
    write(note, right - 56, 400, '--text-second', 'right');
    write(countText(count), right, count > 0 ? 600 : 400, count > 0 ? '--text' : '--text-third', 'right');
  };
  for (const state of legendStates(picture.counts)) {
    y += LINE;
    drawSwatch(ctx, token, state, linkMark(state), x, y - 9);
    entry(stateWords(state, picture.figure), stateLimits(picture, state, thresholds, failedBy), picture.counts[state]);
  }
  if (picture.lossyLinks > 0) {
    y += LINE;
    drawSwatch(ctx, token, 'good', DROP, x, y - 9);
    entry(...LOSSY, picture.lossyLinks);
  }
  y += LINE;
  ctx.strokeStyle = token('--control-edge');
  ctx.strokeRect(x + 0.5, y - 8.5, 17, 17);
  ctx.fillStyle = token('--suspect');
  ctx.fill(new Path2D(`M${x} ${y - 9}h9l-9 9z`));
  entry(...UNRELIABLE, picture.unreliableLinks);
  y += LINE * 1.5;
  write(takenText(mesh.atMs), x, 400, '--text-second');
  y += LINE * 0.8;
  write(`Data from ${shownName(mesh.servedBy.name)}`, x, 400, '--text-second');
}

/** When the picture was taken, in the zone of the page: "Taken 2024-05-14 12:25:57 UTC+2". */
export function takenText(atMs: number): string {
  return `Taken ${dateText(atMs)} ${zoneText(atMs)}`;
}

function drawSwatch(
  ctx: CanvasRenderingContext2D,
  token: ImageContent['token'],
  state: LinkState,
  mark: string,
  x: number,
  y: number,
) {
  const { fill, ink } = cellTokens(codeOf(state));
  ctx.fillStyle = token(fill);
  ctx.fillRect(x, y, 18, 18);
  const colour = token(state === 'failed' ? '--failed-ink' : state === 'unknown' ? '--text' : ink);
  drawMark(ctx, mark, { x: x + 9, y: y + 9, box: 20, width: 2, colour });
}

/**
 * Saves all links as CSV, with statistics over the window of the shown mesh, or over the chosen one if that mesh has none. The
 * mesh is fetched, because a stream leaves out some statistics; if that fails, the file has what is loaded. A past picture has
 * the statistics of its own time range. Yields regularly, so that a million lines do not freeze the page.
 */
export async function saveCsv(props: ViewProps): Promise<void> {
  const picture = await csvPicture(props);
  const parts: string[] = [];
  let atMs = performance.now();
  for (const piece of csvOf(picture)) {
    parts.push(piece);
    if (performance.now() - atMs < 12) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    atMs = performance.now();
  }
  save(new Blob(parts, { type: 'text/csv;charset=utf-8' }), `goldpinger-links-${stampOf(picture)}.csv`);
}

type CsvProps = Pick<ViewProps, 'picture' | 'thresholds' | 'value' | 'phase' | 'windowMs' | 'loadMesh'>;

/** The picture that the CSV file is about: with a latency in place of a figure that the heatmap shows. Never rejects. */
export async function csvPicture(props: CsvProps): Promise<Picture> {
  const { picture: shown, thresholds, value, phase, windowMs, loadMesh } = props;
  const picture = shown.fold?.pods ?? shown;
  const isPast = picture.mesh.past !== null;
  const mesh = isPast ? picture.mesh : await loadMesh(picture.mesh.windowMs || windowMs).catch(() => picture.mesh);
  // The phase of the address is not shown with a figure.
  return buildPicture(
    mesh,
    isFigure(value) ? { thresholds, value: 'last', phase: 'total' } : { thresholds, value, phase },
  );
}

function stampOf({ mesh }: Picture): string {
  return new Date(Math.min(8.64e15, Math.max(0, mesh.atMs))).toISOString().slice(0, 19).replaceAll(':', '-');
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Most browsers have read the blob when `click` returns. Others need a little time.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
