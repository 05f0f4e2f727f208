import { plural } from '../../../server/runtime/count-text.ts';
import type { Token } from '../../components/canvas.ts';
import type { GroupBy } from '../../model/address.ts';
import type { AxisStates } from '../../model/axis-states.ts';
import type { CellColours } from '../../model/heat-colours.ts';
import type { HeatLayout, Rect } from '../../model/heat-layout.ts';
import { codeOf } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { shownName } from '../../model/names.ts';
import type { Arrangement } from '../../model/order.ts';

const [SLOW, FAILED] = [codeOf('slow'), codeOf('failed')];

/** Everything that a frame of the heatmap shows, except pointer and selection. */
export interface Scene {
  /** With the state `HIDDEN` for links that the filter hides. */
  picture: Picture;
  axisStates: AxisStates;
  arrangement: Arrangement;
  layout: HeatLayout;
  /** Grouping of the axes. */
  group: GroupBy;
  colours: CellColours;
  token: Token;
  /** Device px per CSS px. */
  dpr: number;
  /** Scroll offset, CSS px. */
  scrollX: number;
  scrollY: number;
}

/** A link by indexes in `Picture.pods`. */
export interface Cell {
  from: number;
  to: number;
}

/** The place of a cell on the canvas, CSS px; null if one of its pods is filtered out. */
export function cellRect({ layout, arrangement, scrollX, scrollY }: Scene, { from, to }: Cell): Rect | null {
  const column = arrangement.positionOf[from] ?? -1;
  const row = arrangement.positionOf[to] ?? -1;
  if (column < 0 || row < 0) return null;
  const size = Math.max(layout.shared ? 1 : 0, layout.pitch - layout.gap);
  const x = layout.left - scrollX + (layout.starts[column] ?? 0);
  const y = layout.top - scrollY + (layout.starts[row] ?? 0);
  return { x, y, width: size, height: size };
}

/** The name of a pod on an axis, full or short as the layout says. */
export function nameOf({ picture, layout }: Scene, pod: number, side: 'row' | 'column'): string {
  const view = picture.pods[pod];
  if (view === undefined) return '';
  const name = (side === 'row' ? layout.axis : layout.columns) === 'full' ? view.name : view.label;
  return side === 'column' && view.passive ? `${name} (passive)` : name;
}

/** What is below a name: the node of a pod, the number of pods of a group. */
export function noteOf({ pods, fold }: Picture, pod: number): string {
  const group = fold?.groups[pod];
  if (group !== undefined && group.kind !== 'pod') return plural(group.pods.length, 'pod');
  return shownName(pods[pod]?.pod.node ?? '');
}

/** Whether a pod's name is bold, because its row or column is slow or failed. */
export function isBold(codes: Int8Array, pod: number): boolean {
  const code = codes[pod] ?? -1;
  return code === SLOW || code === FAILED;
}

/** Draws `text`, shortened in its middle to `width`, because pod names differ at their end. */
export function drawText(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, width: number): void {
  let shown = text;
  for (let keep = text.length; keep > 3 && ctx.measureText(shown).width > width; keep -= 1) {
    const tail = Math.floor((keep - 2) / 2);
    shown = `${text.slice(0, keep - 2 - tail)}…${text.slice(text.length - tail)}`;
  }
  ctx.fillText(shown, x, y);
}

/** Clips drawing to the area left of the visible rows, extended by `margin` px for names at the ends. */
export function clipRows(ctx: CanvasRenderingContext2D, { layout }: Scene, margin = 8): void {
  ctx.beginPath();
  ctx.rect(0, layout.top - margin, layout.left, layout.viewHeight + 2 * margin);
  ctx.clip();
}

/** Clips drawing to the area above the visible columns, extended by `lean` px to the right. */
export function clipColumns(ctx: CanvasRenderingContext2D, { layout }: Scene, lean: number, margin = 14): void {
  ctx.beginPath();
  ctx.rect(layout.left - margin, 0, layout.viewWidth + 2 * margin + lean, layout.top);
  ctx.clip();
}
