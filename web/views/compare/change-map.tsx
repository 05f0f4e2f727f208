import { type MouseEvent, useEffect, useRef, useState } from 'react';
import type { Change } from '../../../server/protocol/comparison.ts';
import { useGridCursor } from '../../components/use-grid-cursor.ts';
import { useSize } from '../../components/use-size.ts';
import { type ChangeMapModel, changeAt, pairText, pairUids } from '../../model/comparison.ts';
import type { Place } from '../../model/grid-moves.ts';
import { drawChanges, layoutMap, type MapLayout, type MapPixels } from './map-drawing.ts';

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
  const pixels = useRef<MapPixels | null>(null);
  const [layout, setLayout] = useState<MapLayout | null>(null);
  const { width, height, dpr } = useSize(frame);
  const { n, pods } = map;
  const is =
    (...wanted: Change[]) =>
    ({ column, row }: Place) =>
      wanted.includes(changeAt(map, column * n + row));
  const cursor = useGridCursor({
    count: n,
    uidAt: (position) => pods[position]?.uid,
    positionOf: (uid) => pods.findIndex((pod) => pod.uid === uid),
    grid: frame,
    letterKeys,
    jumps: { nextFailed: is('fails-more', 'still-fails'), nextSlow: is('slower', 'loses-more') },
    onOpen: ({ column, row }) => onOpen(pairUids(map, column * n + row)),
  });
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
    pixels.current = drawChanges(ctx, map, laid, (name) => style.getPropertyValue(name).trim());
  }, [map, width, height, dpr, theme]);
  const placeAt = ({ clientX, clientY }: MouseEvent): Place | null => {
    const box = canvas.current?.getBoundingClientRect();
    if (layout === null || box === undefined) return null;
    const column = Math.floor((clientX - box.left - layout.left) / layout.pitch);
    const row = Math.floor((clientY - box.top - layout.top) / layout.pitch);
    if (column < 0 || row < 0 || column >= n || row >= n) return null;
    if (pixels.current === null) return { column, row };
    // What is under the pointer is the pair that its pixel shows.
    const { side, pairs } = pixels.current;
    const [x, y] = [column, row].map((cell) => Math.min(side - 1, Math.floor(((cell + 0.5) * side) / n)));
    const pair = pairs[(y ?? 0) * side + (x ?? 0)] ?? 0;
    return { column: Math.floor(pair / n), row: pair % n };
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
