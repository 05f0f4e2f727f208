import { type KeyboardEvent, type RefObject, useState } from 'react';
import { moved, nextWhere, type Place } from '../model/grid-moves.ts';
import { isBrowserKey, type Shortcuts, useShortcuts } from './keys.ts';

interface GridCursorRequest {
  count: number;
  uidAt(position: number): string | undefined;
  /** The position of a pod; below 0 = not in the grid. */
  positionOf(uid: string): number;
  grid: RefObject<HTMLElement | null>;
  letterKeys: boolean;
  /** To which cells a shortcut goes: to the next one after the cursor. */
  jumps: Record<keyof Shortcuts<'map'>, (place: Place) => boolean>;
  onOpen(place: Place): void;
  onMove?(place: Place): void;
}

/** The cell at the keyboard cursor, the cell under the pointer, and functions to move them. */
export interface GridCursor {
  place: Place;
  /** The cell that is described: at the pointer, otherwise at the keyboard cursor; null = none. */
  shown: Place | null;
  byKeys: boolean;
  point(place: Place | null): void;
  /** Focus was gained (by keyboard or not) or lost. */
  focus(byKeys: boolean): void;
  open(place: Place | null): void;
  onKeyDown(event: KeyboardEvent): void;
}

/**
 * The cursor of a grid of links. It is kept by pods, so that it stays at its link when rows come and go. If one of its pods leaves
 * the grid, it moves to the first column or row.
 */
export function useGridCursor(request: GridCursorRequest): GridCursor {
  const { count, uidAt, positionOf, grid, letterKeys, jumps, onOpen, onMove } = request;
  const [kept, setKept] = useState<{ column: string; row: string } | null>(null);
  const [pointed, setPointed] = useState<Place | null>(null);
  const [byKeys, setByKeys] = useState(false);
  const keep = ({ column, row }: Place) => setKept({ column: uidAt(column) ?? '', row: uidAt(row) ?? '' });
  const place = {
    column: kept === null ? 0 : Math.max(0, positionOf(kept.column)),
    row: kept === null ? 0 : Math.max(0, positionOf(kept.row)),
  };
  const pointedAt = pointed !== null && Math.max(pointed.column, pointed.row) < count ? pointed : null;
  const shown = pointedAt ?? (byKeys && count > 0 ? place : null);
  const go = (next: Place | null) => {
    if (next === null) return;
    keep(next);
    setPointed(null);
    setByKeys(true);
    onMove?.(next);
  };
  const open = (at: Place | null) => {
    if (at === null) return;
    keep(at);
    onOpen(at);
  };
  const jump = (isWanted: (place: Place) => boolean) => {
    // So that arrow keys continue from the found cell.
    grid.current?.focus({ preventScroll: true });
    go(nextWhere(count, place, isWanted));
  };
  useShortcuts('map', letterKeys, {
    nextFailed: () => jump(jumps.nextFailed),
    nextSlow: () => jump(jumps.nextSlow),
  });
  return {
    place,
    shown,
    byKeys: byKeys && pointedAt === null,
    point: (at) => setPointed((before) => (isSame(before, at) ? before : at)),
    focus: setByKeys,
    open,
    onKeyDown: (event) => {
      if (isBrowserKey(event) || count === 0) return;
      const next = moved(place, event.key, event.ctrlKey, count);
      // The first arrow shows where the cursor is, the next ones move it.
      if (next !== null) go(kept === null && event.key.startsWith('Arrow') && !byKeys ? place : next);
      // The cell at the keyboard cursor, not the one under a resting pointer.
      else if (event.key === 'Enter' || event.key === ' ') open(place);
      else return;
      event.preventDefault();
    },
  };
}

function isSame(a: Place | null, b: Place | null): boolean {
  return a === b || (a !== null && b !== null && a.column === b.column && a.row === b.row);
}
