import { CHANGES, type Comparison } from '../../pure/compare.ts';
import { changeColours, changeShare } from '../../pure/compare-colours.ts';
import { deltaFigure } from '../../pure/compare-words.ts';

/** Where everything is, CSS px. */
export interface MapLayout {
  /** Of one cell with its gap, and the gap. */
  pitch: number;
  gap: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** From this size on a cell has its figure, from the other on a mark; names need as much. */
const [FIGURE_FROM, NAMES_FROM] = [38, 13];
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const code = (change: (typeof CHANGES)[number]) => CHANGES.indexOf(change);
const [UNKNOWN, BROKE, FAILING, MENDED] = [code('unknown'), code('broke'), code('failing'), code('mended')];
const [SLOWER, FASTER] = [code('slower'), code('faster')];

/** The room that the widest label takes, CSS px. */
function labelWidth(ctx: CanvasRenderingContext2D, labels: readonly string[]): number {
  ctx.font = `13px ${FONT}`;
  const longest = [...labels].sort((a, b) => b.length - a.length).slice(0, 3);
  return Math.min(130, Math.ceil(Math.max(0, ...longest.map((label) => ctx.measureText(label).width))) + 10);
}

/** Lays the map out in `room` (CSS px). Where not even one px a pod is there, it is larger and scrolls. */
export function layoutMap(
  ctx: CanvasRenderingContext2D,
  { pods, n }: Comparison,
  room: { width: number; height: number },
): MapLayout {
  const label = labelWidth(
    ctx,
    pods.map((pod) => pod.label),
  );
  const across = (room.width - label) / Math.max(1, n);
  const head = label < across ? 22 : label;
  const fits = (above: number) => Math.floor(Math.min(across, (room.height - above) / Math.max(1, n)));
  // In a flat card the rows' names are better than none: columns are in the same order.
  const isHeaded = fits(head) >= NAMES_FROM;
  const named = isHeaded ? fits(head) : fits(0);
  const isNamed = named >= NAMES_FROM;
  const least = Math.max(1, Math.floor(Math.min(room.width, room.height) / Math.max(1, n)));
  const pitch = isNamed ? Math.min(72, named) : Math.min(NAMES_FROM, least);
  const [left, top] = [isNamed ? label : 0, isHeaded ? (label < pitch ? 22 : label) : 0];
  const gap = pitch >= 24 ? 3 : pitch >= 6 ? 1 : 0;
  return { pitch, gap, left, top, width: left + pitch * n, height: top + pitch * n };
}

/** Draws the map of what changed. `ctx` is in CSS px; `token` reads a colour of the theme. */
export function drawChanges(
  ctx: CanvasRenderingContext2D,
  comparison: Comparison,
  layout: MapLayout,
  token: (name: string) => string,
): void {
  const { n } = comparison;
  const { pitch, gap, left, top } = layout;
  ctx.clearRect(0, 0, layout.width, layout.height);
  if (left > 0) drawNames(ctx, comparison, layout, token);
  const paint = painterOf(ctx, comparison, token);
  const size = pitch - gap;
  for (let from = 0; from < n; from++) {
    for (let to = 0; to < n; to++) paint(from * n + to, left + from * pitch, top + to * pitch, size);
  }
}

function drawNames(
  ctx: CanvasRenderingContext2D,
  comparison: Comparison,
  layout: MapLayout,
  token: (name: string) => string,
): void {
  const { pods, targets } = comparison;
  const { pitch, gap, left, top } = layout;
  ctx.fillStyle = token('--text');
  ctx.textBaseline = 'middle';
  pods.forEach(({ label }, i) => {
    ctx.font = `${targets.has(i) ? '600 ' : ''}${Math.min(13, pitch)}px ${FONT}`;
    const middle = i * pitch + (pitch - gap) / 2;
    ctx.textAlign = 'right';
    ctx.fillText(label, left - 8, top + middle, left - 8);
    if (top === 0) return;
    ctx.save();
    ctx.translate(left + middle, top - 8);
    if (top > 22) ctx.rotate(-Math.PI / 2);
    ctx.textAlign = top > 22 ? 'left' : 'center';
    ctx.fillText(label, 0, 0, top > 22 ? top - 8 : pitch);
    ctx.restore();
  });
}

type Paint = (pair: number, x: number, y: number, size: number) => void;

function painterOf(ctx: CanvasRenderingContext2D, comparison: Comparison, token: (name: string) => string): Paint {
  const { change, deltaUs, figures } = comparison;
  const colours = changeColours(token('--sunken'), token('--slow-cell'), token('--accent'), token('--text'));
  const kinds: Partial<Record<number, { fill: string; ink: string; mark: string }>> = {
    [UNKNOWN]: { fill: token('--unknown-ground'), ink: token('--text-second'), mark: '?' },
    [BROKE]: { fill: token('--failed-cell'), ink: token('--failed-ink'), mark: '×' },
    [FAILING]: { fill: token('--failed-tint'), ink: token('--failed-word'), mark: '×' },
    [MENDED]: { fill: token('--good-cell'), ink: token('--good-ink'), mark: '✓' },
  };
  ctx.textBaseline = 'middle';
  return (pair, x, y, size) => {
    const what = change[pair] ?? UNKNOWN;
    const delta = deltaUs[pair] ?? Number.NaN;
    // It always failed before: there is no figure to be slower than.
    const isNew = what === SLOWER && Number.isNaN(delta);
    const share = isNew ? 1 : changeShare(delta, figures.mostUs);
    const kind = kinds[what];
    ctx.fillStyle = kind?.fill ?? colours.at(share);
    if (size >= 12) {
      ctx.beginPath();
      ctx.roundRect(x, y, size, size, 3);
      ctx.fill();
    } else ctx.fillRect(x, y, size, size);
    if (size < NAMES_FROM - 1) return;
    ctx.fillStyle = kind?.ink ?? colours.inkAt(share);
    ctx.textAlign = 'center';
    const mark = kind?.mark ?? (what === SLOWER ? '↑' : what === FASTER ? '↓' : '');
    if (kind !== undefined || isNew || size < FIGURE_FROM) {
      ctx.font = `600 ${Math.min(20, size * 0.7)}px ${FONT}`;
      ctx.fillText(mark, x + size / 2, y + size / 2 + 1);
      return;
    }
    ctx.font = `${mark === '' ? '' : '600 '}13px ${FONT}`;
    ctx.fillText(deltaFigure(delta), x + size / 2, y + size / 2 + (mark === '' ? 1 : 4), size - 4);
    if (mark !== '') ctx.fillText(mark, x + size - 10, y + 11);
  };
}
