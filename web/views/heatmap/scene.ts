import type { GroupBy } from '../../pure/address.ts';
import type { AxisStates } from '../../pure/axis-states.ts';
import type { CellColours } from '../../pure/heat-colours.ts';
import type { HeatLayout, Rect } from '../../pure/heat-layout.ts';
import { codeOf } from '../../pure/link-state.ts';
import type { Arrangement } from '../../pure/order.ts';
import type { Picture } from '../../pure/picture.ts';

const [SLOW, FAILED] = [codeOf('slow'), codeOf('failed')];

/** Font of everything on the canvas; the page's own. */
export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

/** A token of tokens.css as the theme has it now. */
export type Token = (name: string) => string;

/** All that one frame of the heatmap shows, apart from pointer and selection. */
export interface Scene {
  picture: Picture;
  axisStates: AxisStates;
  arrangement: Arrangement;
  layout: HeatLayout;
  /** What the axes are grouped by. */
  group: GroupBy;
  colours: CellColours;
  token: Token;
  /** Device px in one CSS px. */
  dpr: number;
  /** How far the mesh is scrolled, CSS px. */
  scrollX: number;
  scrollY: number;
}

/** A pair of pods by index in `Picture.pods`. */
export interface Cell {
  from: number;
  to: number;
}

/** Where the cell of a pair lies on the canvas, CSS px; null where one of the two is filtered out. */
export function cellRect({ layout, arrangement, scrollX, scrollY }: Scene, { from, to }: Cell): Rect | null {
  const column = arrangement.positionOf[from] ?? -1;
  const row = arrangement.positionOf[to] ?? -1;
  if (column < 0 || row < 0) return null;
  const size = Math.max(layout.shared ? 1 : 0, layout.pitch - layout.gap);
  const x = layout.left - scrollX + (layout.starts[column] ?? 0);
  const y = layout.top - scrollY + (layout.starts[row] ?? 0);
  return { x, y, width: size, height: size };
}

/** The name of a pod as this layout writes it beside rows or above columns. */
export function nameOf({ picture, layout }: Scene, pod: number, side: 'row' | 'column'): string {
  const view = picture.pods[pod];
  if (view === undefined) return '';
  return (side === 'row' ? layout.axis : layout.columns) === 'full' ? view.name : view.label;
}

/** Whether a pod's name is written bold: its row or column stands out. */
export function isBold(codes: Int8Array, pod: number): boolean {
  const code = codes[pod] ?? -1;
  return code === SLOW || code === FAILED;
}

/** Draws `text`, cut in its middle where it is wider than `width`: the ends of pod names tell them apart. */
export function drawText(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, width: number): void {
  let shown = text;
  for (let keep = text.length; keep > 3 && ctx.measureText(shown).width > width; keep -= 1) {
    const tail = Math.floor((keep - 2) / 2);
    shown = `${text.slice(0, keep - 2 - tail)}…${text.slice(text.length - tail)}`;
  }
  ctx.fillText(shown, x, y);
}

/** Reads the tokens that hold at `element` as they are now, each once: a canvas does not follow CSS variables itself. */
export function readTokens(element: Element): Token {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  return (name) => {
    const value = known.get(name) ?? style.getPropertyValue(name).trim();
    known.set(name, value);
    return value;
  };
}
