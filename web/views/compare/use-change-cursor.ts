import { type KeyboardEvent, type RefObject, useState } from 'react';
import type { Change } from '../../../server/protocol/comparison.ts';
import { type ChangeMapModel, changeAt, pairUids } from '../../pure/compare.ts';
import { moved, nextWhere, type Place } from '../../pure/heat-moves.ts';
import { useLetters } from '../heatmap/use-letters.ts';

interface CursorRequest {
  map: ChangeMapModel;
  letterKeys: boolean;
  grid: RefObject<HTMLElement | null>;
  onOpen(link: { from: string; to: string }): void;
}

/** The cell at the keyboard cursor, and the cell that is described: at the pointer, else at the keyboard cursor. */
export interface ChangeCursor {
  place: Place;
  shown: Place | null;
  byKeys: boolean;
  point(place: Place | null): void;
  focus(byKeys: boolean): void;
  open(place: Place | null): void;
  onKeyDown(event: KeyboardEvent): void;
}

/**
 * The same keys as in the heatmap: arrows, Home, End, Page Up and Down. F and S go to the next link that fails or became
 * slower. Enter opens the link.
 */
export function useChangeCursor({ map, letterKeys, grid, onOpen }: CursorRequest): ChangeCursor {
  const { n } = map;
  const [kept, setKept] = useState<Place | null>(null);
  const [pointed, setPointed] = useState<Place | null>(null);
  const [byKeys, setByKeys] = useState(false);
  const within = ({ column, row }: Place): Place => ({ column: Math.min(n - 1, column), row: Math.min(n - 1, row) });
  const place = within(kept ?? { column: 0, row: 0 });
  const shown = pointed !== null ? within(pointed) : byKeys ? place : null;
  const go = (next: Place | null) => {
    if (next === null) return;
    setKept(next);
    setPointed(null);
    setByKeys(true);
  };
  const open = (at: Place | null) => {
    if (at === null) return;
    setKept(at);
    onOpen(pairUids(map, at.column * n + at.row));
  };
  const next = (...wanted: Change[]) =>
    go(nextWhere(n, place, ({ column, row }) => wanted.includes(changeAt(map, column * n + row))));
  useLetters(letterKeys, { f: () => next('fails-more', 'still-fails'), s: () => next('slower') }, grid);
  return {
    place,
    shown,
    byKeys: byKeys && pointed === null,
    point: setPointed,
    focus: setByKeys,
    open,
    onKeyDown: (event) => {
      if (event.altKey || event.metaKey || n === 0) return;
      const to = moved(place, event.key, event.ctrlKey, n);
      // The first arrow only shows the cursor, the next ones move it.
      if (to !== null) go(kept === null && event.key.startsWith('Arrow') && !byKeys ? place : to);
      else if (event.key === 'Enter' || event.key === ' ') open(shown ?? place);
      else return;
      event.preventDefault();
    },
  };
}
