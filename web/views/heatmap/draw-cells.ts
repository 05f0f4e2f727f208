import { drawMark } from '../../components/canvas.ts';
import { valueText } from '../../model/figures.ts';
import { cellTokens, wordTokens } from '../../model/heat-colours.ts';
import { FONT } from '../../model/label-layout.ts';
import { foldWords } from '../../model/levels.ts';
import { linkFacts } from '../../model/link-facts.ts';
import { HIDDEN } from '../../model/link-filter.ts';
import { type LinkState, stateAt } from '../../model/links.ts';
import { DROP, linkMark } from '../../model/marks.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { paintCells, paintShared } from './paint.ts';
import type { Scene } from './scene.ts';

/** Minimum size of a cell with a unit, "itself" and the outcome, CSS px. */
const ROOMY = 72;
/** Minimum size of a cell with the outcome and a text at its foot, CSS px. */
const TWO_WORDS = 104;
const MIDDLE = 32;

/** Draws all visible cells. */
export function drawCells(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { kind } = scene.layout;
  if (kind === 'figures' || kind === 'marks') drawMarked(ctx, scene);
  else drawPixels(ctx, scene);
}

function drawPixels(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arrangement, picture, dpr } = scene;
  const width = Math.round(layout.viewWidth * dpr);
  const height = Math.round(layout.viewHeight * dpr);
  if (width < 1 || height < 1) return;
  const image = ctx.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const area = {
    width,
    height,
    scrollX: Math.round(scene.scrollX * dpr),
    scrollY: Math.round(scene.scrollY * dpr),
    starts: layout.starts.map((start) => start * dpr),
    cell: Math.round((layout.pitch - layout.gap) * dpr),
    pods: arrangement.pods,
    unit: Math.max(1, Math.round(dpr)),
  };
  if (layout.shared) paintShared(pixels, picture, area, scene.colours);
  else paintCells(pixels, picture, area, scene.colours);
  ctx.putImageData(image, Math.round(layout.left * dpr), Math.round(layout.top * dpr));
}

function drawMarked(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arrangement, scrollX, scrollY } = scene;
  ctx.save();
  ctx.beginPath();
  ctx.rect(layout.left, layout.top, layout.viewWidth, layout.viewHeight);
  ctx.clip();
  const size = layout.pitch - layout.gap;
  arrangement.pods.forEach((to, row) => {
    const y = layout.top - scrollY + (layout.starts[row] ?? 0);
    if (y + size < layout.top || y > layout.top + layout.viewHeight) return;
    arrangement.pods.forEach((from, column) => {
      const x = layout.left - scrollX + (layout.starts[column] ?? 0);
      if (x + size < layout.left || x > layout.left + layout.viewWidth) return;
      ctx.save();
      ctx.translate(x, y);
      drawCell(ctx, scene, from, to, size);
      ctx.restore();
    });
  });
  ctx.restore();
}

/** Draws one cell of `size` px with its corner at the origin. */
function drawCell(ctx: CanvasRenderingContext2D, scene: Scene, from: number, to: number, size: number): void {
  const { picture, token } = scene;
  const pair = from * picture.n + to;
  const code = picture.state[pair] ?? 0;
  if (code === HIDDEN) return;
  const state = stateAt(code);
  const failed = state === 'failed';
  const fill = token(cellTokens(code).fill);
  const ink = token(failed ? '--failed-ink' : cellTokens(code).ink);
  drawGround(ctx, scene, state, size, fill);
  const figure = picture.valueUs[pair] ?? Number.NaN;
  const hasFigure = size >= MIDDLE && figure >= 0 && !failed && state !== 'gone' && state !== 'unknown';
  if (hasFigure) drawFigure(ctx, state, figureWords(picture.figure, figure, size), size, ink);
  const outcome = failed ? linkFacts(picture, from, to).outcome : null;
  const mark = picture.lossy[pair] === 1 ? DROP : linkMark(state, outcome);
  if (mark !== '') {
    if (hasFigure && size >= ROOMY) drawSign(ctx, mark, ink, size - 17, 16, 24);
    else if (hasFigure) drawSign(ctx, mark, ink, size - 8, 7, 17);
    else drawAlone(ctx, scene, state, mark, size, ink);
  }
  if (picture.unreliable[pair] === 1) {
    drawNotch(ctx, { x: 0, y: 0, side: Math.max(5, Math.min(18, size * 0.35)) }, token('--suspect'));
  }
  if (size < ROOMY) return;
  const words = wordTokens(state);
  // Text has a plain background on hatched cells.
  const plate = state === 'unknown' ? token(words.ground) : null;
  const foot = footOf(ctx, picture, from, to, size);
  if (outcome !== null && (foot === '' || size >= TWO_WORDS)) {
    drawWord(ctx, outcome, size, size / 2 + 28, token(words.ink), plate);
  }
  if (foot !== '') drawWord(ctx, foot, size, size - 14, token(words.ink), plate);
}

/** The text at the foot of a cell: what a folded link stands for, as far as it fits. */
function footOf(ctx: CanvasRenderingContext2D, picture: Picture, from: number, to: number, size: number): string {
  const words = foldWords(picture, from, to);
  if (words === '') return from === to ? 'itself' : '';
  ctx.font = `400 12px ${FONT}`;
  const brief = words.replace(' of ', '/').replace(/(\d) (are )?\D+$/, '$1');
  return ctx.measureText(words).width <= size - 8 ? words : brief;
}

/** Draws a text in a cell, `y` px below its upper edge, on a background of colour `plate` if given. */
function drawWord(
  ctx: CanvasRenderingContext2D,
  text: string,
  size: number,
  y: number,
  ink: string,
  plate: string | null,
): void {
  ctx.font = `400 12px ${FONT}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'alphabetic';
  if (plate !== null) drawPlate(ctx, text, size, y - 4, 12, plate);
  ctx.fillStyle = ink;
  ctx.fillText(text, size / 2, y);
}

/** Draws the background of a text of `px` height around `y`. */
function drawPlate(
  ctx: CanvasRenderingContext2D,
  text: string,
  size: number,
  y: number,
  px: number,
  fill: string,
): void {
  const width = ctx.measureText(text).width + 10;
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.roundRect((size - width) / 2, y - px * 0.8, width, px * 1.6, 3);
  ctx.fill();
}

/** Draws everything under latency and mark: fill, hatch or outline. */
function drawGround(
  ctx: CanvasRenderingContext2D,
  { token }: Scene,
  state: LinkState,
  size: number,
  fill: string,
): void {
  const radius = size >= 24 ? 3 : 2;
  ctx.beginPath();
  if (state === 'not-yet' || state === 'not-probed') ctx.roundRect(0.5, 0.5, size - 1, size - 1, radius);
  else ctx.roundRect(0, 0, size, size, radius);
  if (state === 'not-yet' || state === 'not-probed') {
    ctx.fillStyle = token('--surface');
    ctx.fill();
    ctx.strokeStyle = token(state === 'not-yet' ? '--not-probed-link' : '--hairline');
    ctx.setLineDash(state === 'not-yet' ? [3, 3] : []);
    ctx.lineWidth = 1;
    ctx.stroke();
    ctx.setLineDash([]);
    return;
  }
  ctx.fillStyle = state === 'gone' ? token('--sunken') : fill;
  ctx.fill();
  if (state !== 'unknown') return;
  ctx.save();
  ctx.clip();
  drawStripes(ctx, size, token('--unknown-hatch'), size >= MIDDLE ? 5 : 2.5);
  ctx.restore();
}

function drawStripes(ctx: CanvasRenderingContext2D, size: number, colour: string, width: number): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  const step = width * (width > 4 ? 2.8 : 3.6);
  for (let at = step / 2; at < size * 2; at += step) {
    ctx.moveTo(at, -1);
    ctx.lineTo(-1, at);
    if (at > size) ctx.lineTo(at - size - 1, size + 1);
  }
  ctx.stroke();
}

/** Draws the notch of an unreliable cell in its upper left corner: marks of late cells are on the right. */
export function drawNotch(
  ctx: CanvasRenderingContext2D,
  { x, y, side }: { x: number; y: number; side: number },
  colour: string,
): void {
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + side, y);
  ctx.lineTo(x, y + side);
  ctx.fillStyle = colour;
  ctx.fill();
}

/** From this size on a figure has its unit, CSS px. Latencies are in ms, and have theirs only where it is another one. */
const UNIT_FROM = 38;

function figureWords(figure: Picture['figure'], value: number, size: number): string {
  const text = valueText(figure, value);
  if (figure === null || figure === 'jitter')
    return size >= ROOMY && (value >= 9950 || text.endsWith(' s')) ? text : text.replace(/ m?s$/, '');
  return size >= ROOMY ? text : text.replace(/ (.)$/, size >= UNIT_FROM ? '$1' : '');
}

function drawFigure(ctx: CanvasRenderingContext2D, state: LinkState, text: string, size: number, ink: string): void {
  const px = size >= ROOMY ? 15 : size >= 52 ? 14 : size >= 40 ? 12 : 11;
  ctx.font = `${state === 'slow' ? 600 : 500} ${px}px ${FONT}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = ink;
  ctx.fillText(text, size / 2, size / 2 + 0.5);
}

/** Draws a mark in the middle of a cell without a latency. */
function drawAlone(
  ctx: CanvasRenderingContext2D,
  { token }: Scene,
  state: LinkState,
  mark: string,
  size: number,
  ink: string,
): void {
  const box = size >= ROOMY ? 44 : Math.max(19, Math.min(32, size));
  if (state === 'unknown') {
    if (size < 20) return;
    ctx.beginPath();
    ctx.arc(size / 2, size / 2, Math.min(size * 0.3, 14), 0, 2 * Math.PI);
    ctx.fillStyle = token('--surface');
    ctx.fill();
  }
  const colour = state === 'unknown' ? token('--text') : state === 'gone' ? token('--text-third') : ink;
  drawSign(ctx, mark, colour, size / 2, size / 2, state === 'unknown' ? Math.min(24, size * 0.8) : box);
}

/** Draws a mark around (x, y) in a box of `box` px. */
function drawSign(
  ctx: CanvasRenderingContext2D,
  mark: string,
  colour: string,
  x: number,
  y: number,
  box: number,
): void {
  drawMark(ctx, mark, { x, y, box, colour, width: Math.max(1.3, box / 12) });
}
