import type { Outcome } from '../../../server/protocol/sample.ts';
import { drawMark, type Token } from '../../components/canvas.ts';
import { valueText } from '../../model/figures.ts';
import { cellTokens, wordTokens } from '../../model/heat-colours.ts';
import { FONT } from '../../model/label-layout.ts';
import { foldWords } from '../../model/levels.ts';
import { linkFacts } from '../../model/link-facts.ts';
import { HIDDEN } from '../../model/link-filter.ts';
import { arePingsFine, type LinkState, stateAt } from '../../model/links.ts';
import { DROP, linkMark } from '../../model/marks.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { paintCells, paintShared } from './paint.ts';
import type { Scene } from './scene.ts';

/** Minimum size of a cell with a unit, "itself" and the outcome, CSS px. */
const ROOMY = 72;
/** Minimum size of a cell with the outcome and a text at its foot, CSS px. */
const TWO_WORDS = 104;
const MIDDLE = 32;

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
  const { viewWidth, viewHeight } = layout;
  arrangement.pods.forEach((to, row) => {
    const y = (layout.starts[row] ?? 0) - scrollY;
    if (y + size < 0 || y > viewHeight) return;
    arrangement.pods.forEach((from, column) => {
      const x = (layout.starts[column] ?? 0) - scrollX;
      if (x + size < 0 || x > viewWidth) return;
      ctx.save();
      ctx.translate(layout.left + x, layout.top + y);
      drawCell(ctx, scene, from, to, size);
      ctx.restore();
    });
  });
  ctx.restore();
}

/** Draws one cell of `size` px with its corner at the origin. */
function drawCell(
  ctx: CanvasRenderingContext2D,
  { picture, token }: Scene,
  from: number,
  to: number,
  size: number,
): void {
  const pair = from * picture.n + to;
  const code = picture.state[pair] ?? 0;
  if (code === HIDDEN) return;
  const state = stateAt(code);
  const { fill, ink: mark } = cellTokens(code);
  const ink = token(state === 'failed' ? '--failed-ink' : mark);
  drawGround(ctx, token, state, size, token(fill));
  const value = picture.valueUs[pair] ?? Number.NaN;
  const hasFigure = size >= MIDDLE && value >= 0 && !['failed', 'gone', 'unknown'].includes(state);
  if (hasFigure) {
    const px = size >= ROOMY ? 15 : size >= 52 ? 14 : size >= 40 ? 12 : 11;
    ctx.font = `${state === 'slow' ? 600 : 500} ${px}px ${FONT}`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillStyle = ink;
    ctx.fillText(figureWords(picture.figure, value, size), size / 2, size / 2 + 0.5);
  }
  const outcome = state === 'failed' ? linkFacts(picture, from, to).outcome : null;
  const sign = signOf(state, outcome, picture.lossy[pair] === 1);
  if (sign !== '') drawSign(ctx, token, sign, state, { size, ink, isAlone: !hasFigure });
  if (picture.unreliable[pair] === 1) {
    // In the upper left corner: marks of late cells are on the right.
    const side = Math.max(5, Math.min(18, size * 0.35));
    ctx.fillStyle = token('--suspect');
    ctx.fill(new Path2D(`M0 0H${side}L0 ${side}Z`));
  }
  if (size < ROOMY) return;
  const foot = footOf(ctx, picture, from, to, size);
  if (outcome !== null && (foot === '' || size >= TWO_WORDS)) drawWord(ctx, token, state, outcome, size, size / 2 + 28);
  if (foot !== '') drawWord(ctx, token, state, foot, size, size - 14);
}

/** The mark of a cell: a drop if lost datagrams are all that is wrong. A folded cell can also have links that fail or are slow. */
export function signOf(state: LinkState, outcome: Outcome | null, isLossy: boolean): string {
  return isLossy && arePingsFine(state) ? DROP : linkMark(state, outcome);
}

/** The text at the foot of a cell: what a folded link stands for, as far as it fits. */
function footOf(ctx: CanvasRenderingContext2D, picture: Picture, from: number, to: number, size: number): string {
  const words = foldWords(picture, from, to);
  if (words === '') return from === to ? 'itself' : '';
  ctx.font = `400 12px ${FONT}`;
  const brief = words.replace(' of ', '/').replace(/(\d) (are )?\D+$/, '$1');
  return ctx.measureText(words).width <= size - 8 ? words : brief;
}

/** Draws a text in a cell, `y` px below its upper edge. On hatched cells it has a plain background. */
function drawWord(
  ctx: CanvasRenderingContext2D,
  token: Token,
  state: LinkState,
  text: string,
  size: number,
  y: number,
): void {
  const { ground, ink } = wordTokens(state);
  ctx.font = `400 12px ${FONT}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'alphabetic';
  if (state === 'unknown') {
    const width = ctx.measureText(text).width + 10;
    ctx.fillStyle = token(ground);
    ctx.beginPath();
    ctx.roundRect((size - width) / 2, y - 13.6, width, 19.2, 3);
    ctx.fill();
  }
  ctx.fillStyle = token(ink);
  ctx.fillText(text, size / 2, y);
}

/** Draws everything under latency and mark: fill, hatch or outline. */
function drawGround(ctx: CanvasRenderingContext2D, token: Token, state: LinkState, size: number, fill: string): void {
  const isOutline = state === 'not-yet' || state === 'not-probed';
  const inset = isOutline ? 0.5 : 0;
  ctx.beginPath();
  ctx.roundRect(inset, inset, size - 2 * inset, size - 2 * inset, size >= 24 ? 3 : 2);
  ctx.fillStyle = isOutline ? token('--surface') : state === 'gone' ? token('--sunken') : fill;
  ctx.fill();
  if (isOutline) {
    ctx.strokeStyle = token(state === 'not-yet' ? '--not-probed-link' : '--hairline');
    ctx.setLineDash(state === 'not-yet' ? [3, 3] : []);
    ctx.lineWidth = 1;
    ctx.stroke();
    ctx.setLineDash([]);
  }
  if (state !== 'unknown') return;
  const [width, step] = size >= MIDDLE ? [5, 14] : [2.5, 9];
  ctx.save();
  ctx.clip();
  ctx.strokeStyle = token('--unknown-hatch');
  ctx.lineWidth = width;
  ctx.beginPath();
  for (let at = step / 2; at < size * 2; at += step) {
    ctx.moveTo(at, -1);
    ctx.lineTo(-1, at);
  }
  ctx.stroke();
  ctx.restore();
}

/** From this size on a figure has its unit, CSS px. Latencies are in ms, and have theirs only where it is another one. */
const UNIT_FROM = 38;

function figureWords(figure: Picture['figure'], value: number, size: number): string {
  const text = valueText(figure, value);
  if (figure === null || figure === 'jitter')
    return size >= ROOMY && (value >= 9950 || text.endsWith(' s')) ? text : text.replace(/ m?s$/, '');
  return size >= ROOMY ? text : text.replace(/ (.)$/, size >= UNIT_FROM ? '$1' : '');
}

/** Draws the mark of a cell: in its middle if it is alone, otherwise in its upper right corner. */
function drawSign(
  ctx: CanvasRenderingContext2D,
  token: Token,
  mark: string,
  state: LinkState,
  { size, ink, isAlone }: { size: number; ink: string; isAlone: boolean },
): void {
  const draw = (x: number, y: number, box: number, colour: string) =>
    drawMark(ctx, mark, { x, y, box, colour, width: Math.max(1.3, box / 12) });
  const middle = size / 2;
  if (!isAlone) {
    if (size >= ROOMY) draw(size - 17, 16, 24, ink);
    else draw(size - 8, 7, 17, ink);
  } else if (state !== 'unknown') {
    const box = size >= ROOMY ? 44 : Math.max(19, Math.min(32, size));
    draw(middle, middle, box, state === 'gone' ? token('--text-third') : ink);
  } else if (size >= 20) {
    ctx.beginPath();
    ctx.arc(middle, middle, Math.min(size * 0.3, 14), 0, 2 * Math.PI);
    ctx.fillStyle = token('--surface');
    ctx.fill();
    draw(middle, middle, Math.min(24, size * 0.8), token('--text'));
  }
}
