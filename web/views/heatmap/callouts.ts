import { cross, cumsum, extent, greatest, groups, sort } from 'd3';
import { type Finding, isAboutLoss } from '../../../server/protocol/finding.ts';
import { countText } from '../../../server/runtime/count-text.ts';
import type { AxisStates } from '../../model/axis-states.ts';
import { findingFigure, findingTone, findingWords } from '../../model/finding-words.ts';
import { findingBlocks, findingPlace, findingsOfNotice, LINK_FINDINGS } from '../../model/findings.ts';
import { clockText } from '../../model/format.ts';
import type { HeatLayout } from '../../model/heat-layout.ts';
import { spread } from '../../model/label-layout.ts';
import type { FilterState } from '../../model/link-filter.ts';
import { type LinkState, severityOf, stateAt, type Tone } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { shownName } from '../../model/names.ts';
import type { Arrangement } from '../../model/order.ts';

/** Maximum number of callouts beside a heatmap. The side panel lists all findings. */
export const MAX_CALLOUTS = 6;

/** With more pods the cell of a single link is too small to be noticed by itself. */
const MOST_LARGE_CELLS = 12;

/** Neighbours on an axis by position, the last one included. */
export interface Run {
  first: number;
  last: number;
}

/** A text beside rows, columns or some cells. */
export interface Callout {
  axis: 'row' | 'column';
  state: Tone;
  /** Its rows or columns, in order; at least one. */
  runs: Run[];
  /** The cells that it is about; empty = whole rows or columns. */
  cells: { columns: Run; rows: Run }[];
  title: string;
  lines: string[];
  /** Index in `Picture.pods` of the pod that it is about; -1 = several pods. */
  pod: number;
}

/**
 * The callouts of a heatmap: the server's findings about rows, columns and zones, with small cells about single links too, then
 * pods that are gone or have just started. Returns the `MAX_CALLOUTS` most severe ones in axis order. Pods that are filtered
 * out get none. `states`: only callouts about links in these states (see `FilterState`); empty = all.
 */
export function callouts(
  picture: Picture,
  axisStates: AxisStates,
  arrangement: Arrangement,
  states: readonly string[] = [],
): Callout[] {
  const isShown = (state: FilterState) => states.length === 0 || states.includes(state);
  const [named] = findingsOfNotice(picture.mesh.findings);
  const found = picture.mesh.findings
    .filter((finding) => isShown(filterStateOf(finding)))
    .flatMap((finding) => findingCallout(picture, arrangement, finding, finding === named) ?? []);
  const staged = (['gone', 'not-yet'] as const).filter(isShown);
  return [...found, ...stageCallouts(picture, arrangement, axisStates, staged)]
    .slice(0, MAX_CALLOUTS)
    .sort((a, b) => mainRun(a).first - mainRun(b).first);
}

/** The state by which a filter finds the links that a finding is about. */
function filterStateOf(finding: Finding): FilterState {
  if (isAboutLoss(finding.kind)) return 'lossy';
  const tone = findingTone(finding);
  return tone === 'suspect' ? 'unreliable' : tone;
}

/** `isNamed`: the notice above the view says its symptom already. */
function findingCallout(
  picture: Picture,
  arrangement: Arrangement,
  finding: Finding,
  isNamed: boolean,
): Callout | null {
  const { mesh } = picture;
  if (LINK_FINDINGS.has(finding.kind) && picture.n <= MOST_LARGE_CELLS) return null;
  const place = findingPlace(finding, mesh.pods);
  const blocks = findingBlocks(finding, mesh.pods);
  const cells = blocks.flatMap(({ from, to }) =>
    cross(runsOf(arrangement, from), runsOf(arrangement, to), (columns, rows) => ({ columns, rows })),
  );
  if (place === null && cells.length === 0) return null;
  const runs = runsOf(arrangement, place?.pods ?? [...new Set(blocks.flatMap(({ to }) => to))]);
  if (runs.length === 0) return null;
  const { subject, what, where } = findingWords(finding);
  return {
    axis: place?.axis ?? 'row',
    state: findingTone(finding),
    title: subject,
    runs,
    cells,
    lines: [isNamed ? '' : what, where, findingFigure(finding, mesh.atMs)].filter(Boolean),
    pod: place?.pods.length === 1 ? (place.pods[0] ?? -1) : -1,
  };
}

/** The runs of neighbours on the axis among those of `pods` that are shown. */
function runsOf({ positionOf }: Arrangement, pods: readonly number[]): Run[] {
  const shown = sort(pods.map((pod) => positionOf[pod] ?? -1).filter((position) => position >= 0));
  // Of neighbours in the list, position minus index is the same.
  return groups(shown, (position, i) => position - i).map(([, run]) => ({ first: run[0] ?? 0, last: run.at(-1) ?? 0 }));
}

/** The run beside which the text stands: the longest. */
export function mainRun({ runs }: Pick<Callout, 'runs'>): Run {
  return greatest(runs, ({ first, last }) => last - first) ?? { first: 0, last: 0 };
}

/** Callouts of pods in one of `states` (they are gone, or have just started): one for those of a node. */
function stageCallouts(
  picture: Picture,
  arrangement: Arrangement,
  { rows }: AxisStates,
  states: readonly LinkState[],
): Callout[] {
  const { pods, mesh } = picture;
  const staged = [...arrangement.pods].filter((pod) => states.includes(stateAt(rows[pod])));
  const byNode = groups(staged, (pod) => `${rows[pod]} ${pods[pod]?.pod.node || pod}`);
  return byNode.flatMap(([, some]) => {
    const [first, ...others] = some.flatMap((pod) => pods[pod] ?? []);
    if (first === undefined) return [];
    const state = stateAt(rows[first.index]);
    const base = { axis: 'row' as const, state, runs: runsOf(arrangement, some), cells: [] };
    const isOne = others.length === 0;
    const name = isOne ? first.name : `${countText(some.length)} pods of ${shownName(first.pod.node)}`;
    const about = { ...base, pod: isOne ? first.index : -1 };
    if (state === 'not-yet') return { ...about, title: `${name} joined`, lines: ['waiting for the first pings'] };
    const [from, to] = extent([first, ...others], ({ pod }) => pod.sinceMs).map((ms = 0) => clockText(ms, mesh.atMs));
    const successor = isOne ? pods.find(({ pod }) => pod.uid === first.pod.replacedBy) : undefined;
    const left = `terminated ${from}${from === to ? '' : ` to ${to}`}`;
    const line = successor === undefined ? left : `${left}, replaced by ${successor.name}`;
    return { ...about, title: `${name} ${isOne ? 'is' : 'are'} gone`, lines: [line] };
  });
}

/** A callout with its place to the right of the cells. CSS px from the corner of the canvas. */
export interface PlacedCallout {
  /** The callout with as many lines as fit. */
  callout: Callout;
  /** Whether there is room for its button. */
  action: boolean;
  x: number;
  y: number;
  /** Path data of the line from its rows or columns to the text, 6 px left of it, with brackets around neighbours; '' = none. */
  leader: string;
}

/** Width that a wide heatmap leaves for callouts to the right of the cells, and the least in which they can be read, CSS px. */
export const CALLOUT_WIDTH = 290;
export const MIN_CALLOUT_WIDTH = 200;
export const CALLOUT_INDENT = 46;
export const MAX_CALLOUT_WIDTH = 340;
/** Height that the lines of columns need below the cells. */
export const CALLOUT_FOOT = 20;
/** Minimum distance between the tops of two callouts. */
const MIN_GAP = 36;
const LINE = 18;
/** From the top of a callout to the middle of its first line. */
const HALF_LINE = 10;

/** Estimated width of a letter, for a wide system font. */
const LETTER = 7.4;

/** Height of a callout whose text is `width` px wide. */
function heightOf({ title, lines }: Callout, width: number, action: boolean): number {
  const wrapped = (text: string, letter: number) =>
    Math.max(1, Math.ceil((text.length * letter) / Math.max(80, width)));
  const rows = lines.reduce((sum, line) => sum + wrapped(line, LETTER), 0);
  return wrapped(title, LETTER * 1.2) * 20 + rows * LINE + (action ? LINE + 4 : 0);
}

/** Vertical bounds and width of the texts. `action`: each callout should have a button. */
export interface CalloutBounds {
  low: number;
  high: number;
  width: number;
  action: boolean;
}

/**
 * Places callouts beside their rows, and moves them apart if they would touch. Callouts of columns come last; their lines
 * go down and around. If there is not enough room, buttons are left out first, then lines, then the least severe callouts.
 */
export function placeCallouts(
  callouts: readonly Callout[],
  layout: HeatLayout,
  scroll: { x: number; y: number },
  bounds: CalloutBounds,
): PlacedCallout[] {
  const right = layout.left + layout.viewWidth;
  const bottom = layout.top + layout.viewHeight;
  const rowsOf = callouts.filter(({ axis }) => axis === 'row');
  const columnsOf = callouts
    .filter(({ axis }) => axis === 'column')
    .sort((a, b) => mainRun(b).first - mainRun(a).first);
  const { callouts: ordered, action, offsets, height } = fittingForm([...rowsOf, ...columnsOf], bounds);
  const rowCount = ordered.filter(({ axis }) => axis === 'row').length;
  const spans = ordered.map((callout) => spanOf(callout.axis, mainRun(callout), layout, scroll));
  const wanted = spans.map(({ middle }, i) => (i < rowCount ? middle : bottom + 12) - (offsets[i] ?? 0));
  const ys = spread(wanted, 0, bounds.low, Math.max(bounds.low, bounds.high - height));
  const x = right + CALLOUT_INDENT;
  return ordered.map((callout, i) => {
    const y = (ys[i] ?? 0) + (offsets[i] ?? 0);
    const { axis, runs, cells } = callout;
    const seen = runs.map((run) => spanOf(axis, run, layout, scroll)).filter(({ inView }) => inView);
    const start = seen.find(({ middle }) => middle === spans[i]?.middle) ?? seen[0];
    if (start === undefined) return { callout, action, x, y, leader: '' };
    const end = `L${right + 32} ${y}H${x - 6}`;
    if (axis === 'column') {
      const level = bottom + 8 + (i - rowCount) * 6;
      const stems = seen.map(({ middle }) => `M${middle} ${bottom + 3}V${level}`).join('');
      const leftmost = Math.min(...seen.map(({ middle }) => middle));
      return { callout, action, x, y, leader: `${stems}M${leftmost} ${level}H${right + 20}${end}` };
    }
    // Cells are framed. A bracket would mark their whole rows.
    const teeth = seen.map(({ from, to, middle, many }) =>
      many && cells.length === 0 ? `M${right + 8} ${from + 1}h6V${to - 1}h-6` : `M${right + 8} ${middle}h6`,
    );
    const [first, last] = [seen[0]?.middle, seen.at(-1)?.middle];
    const spine = seen.length > 1 ? `M${right + 14} ${first}V${last}` : '';
    return {
      callout,
      action,
      x,
      y,
      leader: `M${right + 14} ${start.middle}H${right + 18}${end}${teeth.join('')}${spine}`,
    };
  });
}

/**
 * The longest way to write all callouts that fits; otherwise as many short callouts as fit, at least one. `offsets`: from the
 * first line of the first callout to the first line of each; `height`: from the middle of its first line to the end of the last.
 */
function fittingForm(callouts: Callout[], { low, high, width, action: wanted }: CalloutBounds) {
  const cut = (most: number) => callouts.map((callout) => ({ ...callout, lines: callout.lines.slice(0, most) }));
  const brief = cut(1);
  const worstFirst = sort(brief, (a, b) => severityOf(b.state) - severityOf(a.state));
  const worst = worstFirst.map((_, left) => {
    const kept = worstFirst.slice(0, worstFirst.length - left);
    return brief.filter((callout) => kept.includes(callout));
  });
  const forms = [callouts, cut(2), ...worst].map((some) => ({ callouts: some, action: false }));
  const measured = [{ callouts, action: wanted }, ...forms].map((form) => {
    const heights = form.callouts.map((callout) => heightOf(callout, width, form.action));
    const offsets = [0, ...cumsum(heights, (height) => Math.max(MIN_GAP, height + 10))];
    const height = (offsets[heights.length - 1] ?? 0) + (heights.at(-1) ?? HALF_LINE) - HALF_LINE;
    return { ...form, offsets, height };
  });
  const fitting = measured.find(({ height }) => height <= high - low) ?? measured.at(-1);
  return fitting as (typeof measured)[number];
}

/** Where neighbouring rows or columns are on the canvas, clamped to the visible part. */
function spanOf(axis: Callout['axis'], { first, last }: Run, layout: HeatLayout, scroll: { x: number; y: number }) {
  const offset = axis === 'row' ? layout.top - scroll.y : layout.left - scroll.x;
  const [low, length] = axis === 'row' ? [layout.top, layout.viewHeight] : [layout.left, layout.viewWidth];
  const within = (at: number) => Math.min(Math.max(at, low), low + length);
  const from = within(offset + (layout.starts[first] ?? 0));
  const to = within(offset + (layout.starts[last] ?? 0) + layout.pitch - layout.gap);
  return { from, to, middle: (from + to) / 2, many: last > first, inView: to > low && from < low + length };
}
