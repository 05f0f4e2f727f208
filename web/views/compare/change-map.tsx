import { type KeyboardEvent, type MouseEvent, type RefObject, useEffect, useRef, useState } from 'react';
import type { Change } from '../../../server/protocol/comparison.ts';
import { useLetters } from '../../components/use-letters.ts';
import { useSize } from '../../components/use-size.ts';
import { type ChangeMapModel, changeAt, pairText, pairUids } from '../../model/comparison.ts';
import { moved, nextWhere, type Place } from '../../model/grid-moves.ts';
import { drawChanges, layoutMap, type MapLayout } from './map-drawing.ts';

interface ChangeMapProps {
  map: ChangeMapModel;
  /** What the map shows, in one sentence for screen readers. */
  label: string;
  /** When it changes, the colours are read again. */
  theme: string;
  letterKeys: boolean;
  /** Opens a link, pod uids. */
  onOpen(link: { from: string; to: string }): void;
}

/** The map of changes: column = source, row = destination, with the same keys as the heatmap. */
export function ChangeMap({ map, label, theme, letterKeys, onOpen }: ChangeMapProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [layout, setLayout] = useState<MapLayout | null>(null);
  const { width, height, dpr } = useSize(frame);
  const cursor = useChangeCursor({ map, letterKeys, grid: frame, onOpen });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawing reads the colours of `theme`
  useEffect(() => {
    const element = canvas.current;
    const ctx = element?.getContext('2d');
    if (element === null || ctx === null || ctx === undefined || width === 0) return;
    const laid = layoutMap(ctx, map, { width, height });
    setLayout(laid);
    element.width = Math.round(laid.width * dpr);
    element.height = Math.round(laid.height * dpr);
    element.style.width = `${laid.width}px`;
    element.style.height = `${laid.height}px`;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    const style = getComputedStyle(element);
    drawChanges(ctx, map, laid, (name) => style.getPropertyValue(name).trim());
  }, [map, width, height, dpr, theme]);
  const { n } = map;
  const placeAt = ({ clientX, clientY }: MouseEvent): Place | null => {
    const box = canvas.current?.getBoundingClientRect();
    if (layout === null || box === undefined) return null;
    const column = Math.floor((clientX - box.left - layout.left) / layout.pitch);
    const row = Math.floor((clientY - box.top - layout.top) / layout.pitch);
    return column >= 0 && row >= 0 && column < n && row < n ? { column, row } : null;
  };
  const { shown } = cursor;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: the cells are pixels; only the cell at the keyboard cursor is an element */}
      <div
        className="change-frame"
        ref={frame}
        role="grid"
        tabIndex={0}
        aria-label={label}
        aria-rowcount={n}
        aria-colcount={n}
        aria-activedescendant={layout === null ? undefined : 'change-cell'}
        onPointerMove={(event) => cursor.point(placeAt(event))}
        onPointerLeave={() => cursor.point(null)}
        onClick={(event) => cursor.open(placeAt(event))}
        onFocus={(event) => cursor.focus(event.currentTarget.matches(':focus-visible'))}
        onBlur={() => cursor.focus(false)}
        onKeyDown={cursor.onKeyDown}
      >
        <div className="change-sizer">
          <div aria-hidden="true">
            <canvas ref={canvas} />
          </div>
          {layout !== null && shown !== null && <Ring at={shown} layout={layout} />}
          {layout !== null && <SpokenCell at={cursor.place} layout={layout} map={map} byKeys={cursor.byKeys} />}
        </div>
      </div>
      <p className="change-words">
        {shown === null
          ? 'Column: the pod that pings. Row: the pod that answers.'
          : pairText(map, shown.column * n + shown.row)}
      </p>
    </>
  );
}

function boxOf({ column, row }: Place, { left, top, pitch, gap }: MapLayout) {
  return { left: left + column * pitch, top: top + row * pitch, width: pitch - gap, height: pitch - gap };
}

/** The frame around the cell that the text below the map describes. */
function Ring({ at, layout }: { at: Place; layout: MapLayout }) {
  return <span className="change-ring" style={boxOf(at, layout)} />;
}

interface SpokenCellProps {
  at: Place;
  layout: MapLayout;
  map: ChangeMapModel;
  byKeys: boolean;
}

/** The only cell that is an element: the active descendant. It lies over the drawn cell, and the keys scroll it into view. */
function SpokenCell({ at, layout, map, byKeys }: SpokenCellProps) {
  const cell = useRef<HTMLDivElement>(null);
  const { column, row } = at;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows the place
  useEffect(() => {
    if (byKeys) cell.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [byKeys, column, row]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the grid
    <div role="row" tabIndex={-1} aria-rowindex={row + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements: see the grid */}
      <div
        role="gridcell"
        tabIndex={-1}
        id="change-cell"
        className="change-cell"
        ref={cell}
        style={boxOf(at, layout)}
        aria-colindex={column + 1}
      >
        <span className="hidden">{pairText(map, column * map.n + row, true)}</span>
      </div>
    </div>
  );
}

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
