import { type KeyboardEvent, type RefObject, useState } from 'react';
import type { ViewProps } from '../../components/view-props.ts';
import { moved, nextInState, type Place } from '../../model/grid-moves.ts';
import { codeOf } from '../../model/links.ts';
import { isScrolled, keepInView } from './grid-geometry.ts';
import type { Cell } from './scene.ts';
import type { HeatModel } from './use-heat-model.ts';

/** The keyboard cell, the cell under the pointer, and functions to move them. */
export interface Cursor {
  /** Position of the keyboard cell. */
  place: Place;
  active: Cell | null;
  /** The cell of the card: the pointer's, otherwise the keyboard's. */
  shown: Cell | null;
  byKeys: boolean;
  point(cell: Cell | null): void;
  /** Focus was gained (by keyboard or not) or lost. */
  focus(byKeys: boolean): void;
  open(cell: Cell | null): void;
  next(state: 'failed' | 'slow'): void;
  onKeyDown(event: KeyboardEvent): void;
}

/** The cursor of the grid. It is stored by pods, so that it stays at its link when rows come and go. */
export function useCursor(props: ViewProps, model: HeatModel, scroller: RefObject<HTMLElement | null>): Cursor {
  const { picture, onSelect } = props;
  const { arrangement, layout } = model;
  const [cursor, setCursor] = useState<{ from: string; to: string } | null>(null);
  const [pointed, setPointed] = useState<Cell | null>(null);
  const [byKeys, setByKeys] = useState(false);
  const { pods, positionOf } = arrangement;
  const positionOfUid = (uid: string | undefined) =>
    Math.max(0, positionOf[picture.pods.findIndex(({ pod }) => pod.uid === uid)] ?? 0);
  const place = { column: positionOfUid(cursor?.from), row: positionOfUid(cursor?.to) };
  const cellOf = ({ column, row }: Place): Cell => ({ from: pods[column] ?? 0, to: pods[row] ?? 0 });
  const active = pods.length === 0 ? null : cellOf(place);
  const uidsOf = (cell: Cell | null) => {
    const [from, to] = [picture.pods[cell?.from ?? -1]?.pod.uid, picture.pods[cell?.to ?? -1]?.pod.uid];
    return from === undefined || to === undefined ? null : { from, to };
  };
  const go = (next: Place | null) => {
    if (next === null) return;
    setCursor(uidsOf(cellOf(next)));
    setPointed(null);
    setByKeys(true);
    const box = scroller.current;
    if (box === null || !isScrolled(layout)) return;
    box.scrollLeft = keepInView(box.scrollLeft, layout.starts[next.column] ?? 0, layout.pitch, layout.viewWidth);
    box.scrollTop = keepInView(box.scrollTop, layout.starts[next.row] ?? 0, layout.pitch, layout.viewHeight);
  };
  const open = (cell: Cell | null) => {
    const link = uidsOf(cell);
    if (link === null) return;
    setCursor(link);
    onSelect(link);
  };
  const pointedAt = pointed !== null && isShown(positionOf, pointed) ? pointed : null;
  const shown = pointedAt ?? (byKeys ? active : null);
  return {
    place,
    active,
    shown,
    byKeys: byKeys && pointedAt === null,
    point: (cell) => setPointed((before) => (isSame(before, cell) ? before : cell)),
    focus: setByKeys,
    open,
    next: (state) => go(nextInState(picture, arrangement, place, codeOf(state))),
    onKeyDown: (event) => {
      if (event.altKey || event.metaKey || pods.length === 0) return;
      const next = moved(place, event.key, event.ctrlKey, pods.length);
      // The first arrow shows where the cursor is, the next ones move it.
      if (next !== null) go(cursor === null && event.key.startsWith('Arrow') && !byKeys ? place : next);
      else if (event.key === 'Enter' || event.key === ' ') open(shown ?? active);
      else return;
      event.preventDefault();
    },
  };
}

function isShown(positionOf: Int32Array, { from, to }: Cell): boolean {
  return (positionOf[from] ?? -1) >= 0 && (positionOf[to] ?? -1) >= 0;
}

function isSame(a: Cell | null, b: Cell | null): boolean {
  return a === b || (a !== null && b !== null && a.from === b.from && a.to === b.to);
}
