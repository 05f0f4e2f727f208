import { codeOf, isWorse, LINK_STATES } from '../../model/links.ts';
import { clipColumns, clipRows } from './axis-clip.ts';
import { cellTokens } from './heat-colours.ts';
import type { Scene } from './scene.ts';

/** Minimum length of one pod's piece of a strip, CSS px. With a thousand pods a row is less than a pixel. */
const LEAST_PIECE = 3;
const GOOD = codeOf('good');

/** Draws the worst state of each row and column along the edges. If pieces overlap, the worse one is on top. */
export function drawStrips(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arrangement, axisStates, token } = scene;
  const at = layout.strip + 4;
  const byRow = [...arrangement.pods].sort((a, b) => worseLast(axisStates.rowWorst, a, b));
  const byColumn = [...arrangement.pods].sort((a, b) => worseLast(axisStates.columnWorst, a, b));
  const size = layout.pitch - layout.gap;
  const piece = Math.max(LEAST_PIECE, size);
  const start = (pod: number) => (layout.starts[arrangement.positionOf[pod] ?? 0] ?? 0) - (piece - size) / 2;
  const colours = LINK_STATES.map((_, code) => token(cellTokens(code).fill));
  const suspect = token('--suspect');
  const colour = (code: number) => colours[code < 0 ? GOOD : code] ?? '';
  ctx.save();
  clipRows(ctx, scene, 0);
  for (const pod of byRow) {
    const y = layout.top - scene.scrollY + start(pod);
    ctx.fillStyle = colour(axisStates.rowWorst[pod] ?? -1);
    if (y + piece >= layout.top && y <= layout.top + layout.viewHeight)
      ctx.fillRect(layout.left - at, y, layout.strip, piece);
  }
  ctx.restore();
  ctx.save();
  clipColumns(ctx, scene, 0, 0);
  for (const pod of byColumn) {
    const x = layout.left - scene.scrollX + start(pod);
    ctx.fillStyle = colour(axisStates.columnWorst[pod] ?? -1);
    if (x + piece >= layout.left && x <= layout.left + layout.viewWidth)
      ctx.fillRect(x, layout.top - at, piece, layout.strip);
    if (scene.picture.pods[pod]?.starved !== true) continue;
    ctx.fillStyle = suspect;
    ctx.fillRect(x, layout.top - at, piece, layout.strip / 2);
  }
  ctx.restore();
}

function worseLast(codes: Int8Array, a: number, b: number): number {
  const [x, y] = [codes[a] ?? -1, codes[b] ?? -1];
  return x === y ? 0 : isWorse(x, y) ? 1 : -1;
}
