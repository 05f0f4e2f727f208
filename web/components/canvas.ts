import { DROP } from '../model/marks.ts';

export type Token = (name: string) => string;

/** Reads custom properties of `element`, each at most once, because a canvas cannot use CSS variables. */
export function readTokens(element: Element): Token {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  return (name) => {
    const value = known.get(name) ?? style.getPropertyValue(name).trim();
    known.set(name, value);
    return value;
  };
}

/** Resizes and clears a canvas of a size (CSS px), and returns its context in CSS px. `dpr`: device px per CSS px. */
export function prepareCanvas(
  canvas: HTMLCanvasElement | null,
  { width, height }: { width: number; height: number },
  dpr: number,
): CanvasRenderingContext2D | null {
  const ctx = canvas?.getContext('2d') ?? null;
  if (ctx === null) return null;
  const device = { width: Math.max(1, Math.round(width * dpr)), height: Math.max(1, Math.round(height * dpr)) };
  // Only if it changes, because setting it takes new memory.
  if (ctx.canvas.width !== device.width || ctx.canvas.height !== device.height) Object.assign(ctx.canvas, device);
  ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return ctx;
}

/** Draws a mark of marks.ts around (x, y), scaled from 24 units to `box` px; a drop is filled. `width`: of its line, px. */
export function drawMark(
  ctx: CanvasRenderingContext2D,
  mark: string,
  { x, y, box, width, colour }: { x: number; y: number; box: number; width: number; colour: string },
): void {
  const scale = box / 24;
  ctx.save();
  ctx.translate(x - box / 2, y - box / 2);
  ctx.scale(scale, scale);
  ctx.setLineDash([]);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width / scale;
  ctx.lineCap = 'round';
  ctx.lineJoin = 'round';
  const path = new Path2D(mark);
  ctx.stroke(path);
  if (mark === DROP) {
    ctx.fillStyle = colour;
    ctx.fill(path);
  }
  ctx.restore();
}
