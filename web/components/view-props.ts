import type { Thresholds } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { LinkSamples } from '../../server/protocol/sample.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import type { Address, Selection, Theme } from '../model/address.ts';
import type { Picture } from '../model/mesh-view.ts';

/** What the reader has chosen to see. The level that `auto` has chosen is in `picture.fold`. */
type Choices = Pick<
  Address,
  'level' | 'unfolded' | 'order' | 'group' | 'value' | 'phase' | 'only' | 'limit' | 'windowMs' | 'asTable'
>;

/**
 * The props of every view (`GraphView`, `HeatmapView`) and of the panel of a selection (`Details`). The
 * app owns the state. It renders the view in `<main>` and the panel of a selection in the side panel. Without a
 * selection, a view can fill the side panel itself with `createPortal(content, props.panelSlot)`.
 * A panel renders only its heading (its first element, an `<h2>`) and its body. The app adds frame, scrolling, close
 * button, Esc and focus handling. Below 1100 px the slot is under the view, and the panel of a selection is over it.
 * Views fill their parent (flex column, `min-height: 0`). Tools (`<div class="tools">`, 48 px) come first.
 */
export interface ViewProps extends Choices {
  /**
   * Changes with every update. It has the chosen `value` and `phase`. For a
   * view it is folded to the chosen level (`picture.fold`, whose `pods` is the picture of the pods); for a panel it is not.
   */
  picture: Picture;
  /** The newest mesh, also while a past one is shown; null = none yet. */
  liveMesh: Mesh | null;
  thresholds: Thresholds;
  /** Accepts any values. The app keeps them ordered and within 0.01 ms to 100 s. */
  onThresholds(thresholds: Thresholds): void;
  /** A pod or a link, by uid; null = none. It may no longer be in the picture. */
  selection: Selection;
  onSelect(selection: Selection): void;
  /** Changes choices: other statistics (`value`, `windowMs`) are requested from the server. */
  onChange(choices: Partial<Choices>): void;
  /** Which links are shown: see `shownLinks` in `link-filter.ts`; '' = all. */
  filter: string;
  onFilter(text: string): void;
  onReplay(range: TimeRange): void;
  /** The connection to the server is lost: draw the last data in grey. */
  lost: boolean;
  /** The current theme; "system" is already resolved. Colours are CSS variables: see styles/tokens.css. */
  theme: Theme;
  /** Where the view can render its own side panel with a portal; null while a selection has the side panel. */
  panelSlot: HTMLElement | null;
  /** The serving pod's time when this picture arrived, or the viewed time of the past, ms since the epoch. Ages count to it. */
  nowMs: number;
  narrow: boolean;
  /** Whether single-key shortcuts are enabled (see Help). Arrows, Enter and Esc always work. */
  letterKeys: boolean;
  /** Fetches the mesh with statistics over `windowMs`. The live mesh has them only while they are shown. Rejects with an Error. */
  loadMesh(windowMs: number): Promise<Mesh>;
  /** Fetches the recent samples of a link (pod uids). Rejects with an Error that people can read, or on abort. */
  loadSamples(from: string, to: string, signal: AbortSignal): Promise<LinkSamples>;
}
