import { bisectRight } from 'd3';
import type { AxisGroup } from './order.ts';

/** What a cell shows besides its colour: its latency, a mark, a pattern, or nothing. */
export type CellKind = 'figures' | 'marks' | 'patterns' | 'colours';

/** What the axes show: pod names, group names, or positions (the side panel then lists the names). */
export type AxisKind = 'full' | 'short' | 'groups' | 'numbers';

/** Which pod names the axes show; `auto`: the longest that fit. */
export const NAME_CHOICES = ['auto', 'full', 'short'] as const;
export type NameChoice = (typeof NAME_CHOICES)[number];

export interface HeatRequest {
  n: number;
  groups: readonly AxisGroup[];
  width: number;
  height: number;
  dpr: number;
  /** Width of the longest name, full and short, and of the longest group name. */
  fullWidth: number;
  shortWidth: number;
  groupWidth: number;
  /** Little room: short names and captions. */
  narrow: boolean;
  /** The names that the reader wants. */
  names: NameChoice;
  /** Shrink cells as far as needed instead of scrolling. */
  fit: boolean;
}

/** The layout of the heatmap. CSS px from the top left corner of the canvas. */
export interface HeatLayout {
  kind: CellKind;
  axis: AxisKind;
  /** Which names the columns have, if the axes show pod names. */
  columns: 'full' | 'short';
  /** Angle of the column names in degrees; 0 = horizontal. */
  slant: number;
  /** Distance between the starts of two cells. A whole number of device px unless `shared`. */
  pitch: number;
  gap: number;
  /** Start of the cells. */
  left: number;
  top: number;
  /** Short captions: "to" is above the names of the rows, because there is no room beside them. */
  narrow: boolean;
  /** Visible size of the cells; less than `extent` if they scroll. */
  viewWidth: number;
  viewHeight: number;
  extent: number;
  /** Start of each position relative to the first cell, plus the end of the last one. */
  starts: Float64Array;
  /** Thickness of the strips with the worst states along the edges; 0 = none. */
  strip: number;
  /** Several links share a device pixel. */
  shared: boolean;
  /** Whether `fit` makes a difference. */
  scrollable: boolean;
}

/** Up to this many pods, cells show the latency from 32 px on instead of 40 px (see `assemble`). */
const FEW = 12;
/** Up to this many pods, the axes keep the names in any room; the cells then scroll. */
export const NAMED_TO = 40;
/** The largest cell, the caption of an axis, the space after names, and the strip of worst states with its space, px. */
const MAX_CELL = 122;
const CAPTION = 22;
const NAME_SPACE = 12;
const STRIP = 8;
const STRIP_SPACE = 4;
const CARD_SPACE = 12;
/** Minimum distance of named cells, and of cells with a latency if there are few pods. */
const LEAST_NAMED = 14;
const LEAST_FEW = 34;

/** Computes the layout: the largest cells that fit with names, or else the smallest with names if there are few pods. */
export function layoutHeatmap(request: HeatRequest): HeatLayout {
  return bestNamed(request) ?? withoutNames(request);
}

/** Whether the axes show every pod's name. */
export function fitsNames(request: HeatRequest): boolean {
  return bestNamed(request) !== null;
}

/**
 * Ways to write the pod names, the most readable first. Column names are shortened before they are slanted, and slanted
 * more if the columns are narrow.
 */
const NAMINGS = [
  { axis: 'full', columns: 'full', slant: 0 },
  { axis: 'full', columns: 'short', slant: 0 },
  { axis: 'full', columns: 'full', slant: 45 },
  { axis: 'full', columns: 'full', slant: 65 },
  { axis: 'full', columns: 'short', slant: 45 },
  { axis: 'full', columns: 'short', slant: 65 },
  { axis: 'short', columns: 'short', slant: 0 },
  { axis: 'short', columns: 'short', slant: 45 },
  { axis: 'short', columns: 'short', slant: 65 },
] as const;
type Naming = (typeof NAMINGS)[number];

const NAME_LINE = 12.5;

/**
 * The layout with names that is best to read: of those whose cells fit, the first with latencies, otherwise the first. Up to
 * `FEW` pods, cells that scroll are preferred to cells without latencies. Up to `NAMED_TO` pods, or if the reader chose the names,
 * they are preferred to axes without names. null: the names don't fit.
 */
function bestNamed(request: HeatRequest): HeatLayout | null {
  const { n, names, narrow } = request;
  const isWanted = ({ axis, columns, slant }: Naming) => {
    if (names === 'full') return columns === 'full';
    // Column names are slanted in full only if the reader wants them: they take too much height.
    return (columns === 'short' || slant === 0) && (axis === 'short' || (names === 'auto' && !narrow));
  };
  const namings = NAMINGS.filter(isWanted);
  const fitting = namings.flatMap((naming) => withNames(request, naming, 0) ?? []);
  const best = fitting.find(({ kind }) => kind === 'figures') ?? fitting[0];
  if (best !== undefined && (n > FEW || best.kind === 'figures')) return best;
  if (n > NAMED_TO && names === 'auto') return best ?? null;
  const leastPitch = n <= FEW ? LEAST_FEW : LEAST_NAMED;
  for (const naming of namings) {
    const scrolled = withNames(request, naming, leastPitch);
    if (scrolled !== null && isRoomy(scrolled)) return scrolled;
  }
  const last = namings.at(-1);
  return best ?? (last === undefined ? null : withNames(request, last, LEAST_NAMED));
}

/** Whether the view shows three named cells at once, or all of them. */
function isRoomy({ viewWidth, viewHeight, extent, pitch }: HeatLayout): boolean {
  return Math.min(viewWidth, viewHeight) >= Math.min(extent, 3 * pitch);
}

/**
 * The layout with names written in one way; null if they don't fit, because cells or names would be too close. `leastPitch`: the
 * cells have at least this pitch and scroll if need be; 0 = they must not scroll.
 */
function withNames(request: HeatRequest, { axis, columns, slant }: Naming, leastPitch: number): HeatLayout | null {
  const { width, height, fullWidth, shortWidth } = request;
  const rowWidth = axis === 'full' ? fullWidth : shortWidth;
  const columnWidth = columns === 'full' ? fullWidth : shortWidth;
  if (!Number.isFinite(Math.max(rowWidth, columnWidth))) return null;
  const left = leftCaption(request) + rowWidth + NAME_SPACE;
  const angle = (slant * Math.PI) / 180;
  const top = CAPTION + (slant > 0 ? Math.ceil(columnWidth * Math.sin(angle)) + 18 : 28);
  // The last slanted name extends to the right of its column.
  const lean = slant > 0 ? Math.ceil(columnWidth * Math.cos(angle)) : 0;
  const fitting = cellsFor(request, Math.min(width - left - lean, height - top), MAX_CELL + 4);
  const pitch = Math.max(fitting.pitch, Math.ceil(leastPitch * request.dpr) / request.dpr);
  const areNamesApart = slant > 0 ? pitch * Math.sin(angle) >= NAME_LINE : columnWidth + 6 <= pitch;
  if (pitch < LEAST_NAMED || !areNamesApart) return null;
  return assemble(request, { axis, columns, slant, left, top, strip: 0, pitch, shared: false }, fitting.groupGap);
}

function withoutNames(request: HeatRequest): HeatLayout {
  const { groups, dpr, fit } = request;
  const axis = groups.length > 0 ? 'groups' : 'numbers';
  const nameWidth = axis === 'groups' ? request.groupWidth : 32;
  const left = leftCaption(request) + nameWidth + NAME_SPACE + STRIP + STRIP_SPACE;
  const top = CAPTION + 22 + STRIP + STRIP_SPACE;
  const room = Math.max(40, Math.min(request.width - left, request.height - top));
  const base = { axis, columns: 'short', slant: 0, left, top, strip: STRIP } as const;
  const { pitch, groupGap } = cellsFor(request, room, LEAST_NAMED);
  if (pitch >= 2) return assemble(request, { ...base, pitch, shared: false }, groupGap);
  if (!fit) return assemble(request, { ...base, pitch: Math.ceil(2 * dpr) / dpr, shared: false }, 1);
  return assemble(request, { ...base, pitch: room / request.n, shared: true }, 0);
}

function leftCaption({ narrow }: HeatRequest): number {
  return narrow ? 8 : CAPTION;
}

/** Gaps between groups, px, and the pitch from which on each is used. */
const GROUP_GAPS = [
  { groupGap: 4, fromPitch: 30 },
  { groupGap: 3, fromPitch: 14 },
  { groupGap: 2, fromPitch: 4 },
] as const;

/** The largest pitch (whole device px, at most `maxPitch`) with which all cells and group gaps fit in `room`. */
function cellsFor({ n, groups, dpr }: HeatRequest, room: number, maxPitch: number) {
  const pitchWith = (groupGap: number) => {
    const free = room - Math.max(0, groups.length - 1) * groupGap;
    return Math.floor(Math.min(maxPitch, free / Math.max(1, n)) * dpr + 1e-9) / dpr;
  };
  const groupGap = GROUP_GAPS.find((one) => pitchWith(one.groupGap) >= one.fromPitch)?.groupGap ?? 1;
  return { pitch: pitchWith(groupGap), groupGap };
}

function gapOf(pitch: number): number {
  if (pitch >= 44) return 4;
  if (pitch >= 16) return 2;
  return pitch >= 9 ? 1 : 0;
}

/** Places the cells, and finds what they show and how much of them is visible. */
function assemble(
  request: HeatRequest,
  parts: Pick<HeatLayout, 'axis' | 'columns' | 'slant' | 'left' | 'top' | 'strip' | 'pitch' | 'shared'>,
  groupGap: number,
): HeatLayout {
  const { n, groups, width, height, dpr, narrow } = request;
  const starts = new Float64Array(n + 1);
  let group = 0;
  for (let i = 0; i <= n; i++) {
    while (group + 1 < groups.length && i >= (groups[group + 1]?.start ?? n)) group++;
    starts[i] = i * parts.pitch + group * groupGap;
  }
  const gap = gapOf(parts.pitch);
  const extent = Math.max(0, (starts[n] ?? 0) - gap);
  const cell = parts.pitch - gap;
  const figuresFrom = n <= FEW ? 32 : 40;
  const kind = cell >= figuresFrom ? 'figures' : cell >= LEAST_NAMED - 2 ? 'marks' : cell >= 4 ? 'patterns' : 'colours';
  const visible = (space: number) => Math.floor(Math.max(40, Math.min(extent, space)) * dpr) / dpr;
  const viewWidth = visible(width - parts.left);
  const viewHeight = visible(height - parts.top);
  const scrollable = n > 0 && (parts.shared || extent > viewWidth + 0.5 || extent > viewHeight + 0.5);
  return { ...parts, narrow, gap, kind, viewWidth, viewHeight, extent, starts, scrollable };
}

/** The position of the cell at `offset` (relative to the first cell), or the nearest one; -1 if there are no cells. */
export function positionAt({ starts }: HeatLayout, offset: number): number {
  return starts.length < 2 ? -1 : Math.max(0, bisectRight(starts, offset, 0, starts.length - 1) - 1);
}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Places a card beside the cell: to the right if there is room, otherwise to the left, below, or above; within `bounds` and
 * never over the cell. If no side has room, it is placed below, outside the bounds.
 */
export function placeCard(cell: Rect, { width, height }: Pick<Rect, 'width' | 'height'>, bounds: Rect): Rect {
  const within = (at: number, size: number, from: number, room: number) =>
    Math.min(Math.max(at, from), Math.max(from, from + room - size));
  const y = within(cell.y + cell.height + CARD_SPACE, height, bounds.y, bounds.height);
  const right = cell.x + cell.width + CARD_SPACE;
  if (right + width <= bounds.x + bounds.width) return { x: right, y, width, height };
  const left = cell.x - CARD_SPACE - width;
  if (left >= bounds.x) return { x: left, y, width, height };
  const x = within(cell.x, width, bounds.x, bounds.width);
  const above = cell.y - CARD_SPACE - height;
  const below = cell.y + cell.height + CARD_SPACE;
  return { x, y: below + height > bounds.y + bounds.height && above >= bounds.y ? above : below, width, height };
}
