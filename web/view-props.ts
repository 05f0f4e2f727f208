import type { LinkHistory } from '../server/protocol/history.ts';
import type { Thresholds } from '../server/protocol/link-state.ts';
import type { Mesh } from '../server/protocol/mesh.ts';
import type { LinkSamples } from '../server/protocol/sample.ts';
import type { GroupBy, OrderBy, Selection, Theme } from './pure/address.ts';
import type { LinkKind } from './pure/link-choice.ts';
import type { Picture, ValueKind, ValuePhase } from './pure/picture.ts';

/**
 * What the app hands to every view (`GraphView`, `HeatmapView`) and to both panels of a selection (`LinkPanel`,
 * `PodPanel`): they all take exactly this. The app owns the state and the frames. It renders the view in `<main>`, and
 * in the side panel what belongs to the selection. While nothing is selected, a view may fill the side panel itself
 * (the heatmap's legend and thresholds, the graph's "Showing 200 of 9 900"): `createPortal(content, props.panelSlot)`.
 * A panel is heading (its first element, an `<h2>`) and body only: frame, scrolling, close button, Esc and the return
 * of focus are the app's. Below 1100 px the slot lies under the view, and a selection's panel over it.
 * Views fill their parent (flex column, `min-height: 0`); tools (`<div class="tools">`, 48 px) come first.
 */
export interface ViewProps {
  /** In the graph always the newest totals; in the heatmap `value` and `phase` as chosen. Changes with every update. */
  picture: Picture;
  thresholds: Thresholds;
  /** Takes any figures; the app keeps them ordered and within 0.01 ms .. 100 s. */
  onThresholds(thresholds: Thresholds): void;
  /** A pod or a link, by uid; null = none. What it names may have left the picture. */
  selection: Selection;
  onSelect(selection: Selection): void;
  /** Text that pod, node or namespace names must contain, any case; '' = all. */
  filter: string;
  onFilter(text: string): void;
  order: OrderBy;
  onOrder(order: OrderBy): void;
  group: GroupBy;
  onGroup(group: GroupBy): void;
  value: ValueKind;
  onValue(value: ValueKind): void;
  phase: ValuePhase;
  onPhase(phase: ValuePhase): void;
  /** Which links the graph shows; `limit`: at most how many where it does not show all. */
  only: LinkKind;
  onOnly(only: LinkKind): void;
  limit: number;
  onLimit(limit: number): void;
  /** Window of p50, p95 and max, ms; choosing another asks the server for it. */
  windowMs: number;
  onWindow(windowMs: number): void;
  /** The connection to the server is lost: draw the last picture grey. */
  lost: boolean;
  /** What is on now (the choice "system" is resolved). Colours are CSS variables: see styles/tokens.css. */
  theme: Theme;
  /** Where the view may render its own side panel by a portal; null while there is none (a selection has the place). */
  panelSlot: HTMLElement | null;
  /** Render the table instead of the picture. Put it in `<TableFrame>` (views/table-frame.tsx). */
  asTable: boolean;
  onAsTable(asTable: boolean): void;
  /** The serving pod's time when this picture arrived, ms since the epoch: what ages count to. Moves with the picture. */
  nowMs: number;
  /** Narrower than 640 px: short labels, 44 px controls. */
  narrow: boolean;
  /** Whether single letters act as keys (switched off in Help, and while typing). Arrows, Enter, Esc always do. */
  letterKeys: boolean;
  /** Fetches the mesh with figures over `windowMs`, which the live one has only while they are shown. Rejects with an Error. */
  loadMesh(windowMs: number): Promise<Mesh>;
  /** Fetches the recent samples of a link (pod uids). Rejects with an Error in words, or on abort. */
  loadSamples(from: string, to: string, signal: AbortSignal): Promise<LinkSamples>;
  /** Fetches the past of a link (pod uids). Rejects with an Error in words, or on abort. Always the same function. */
  loadLinkHistory(from: string, to: string, signal: AbortSignal): Promise<LinkHistory>;
}
