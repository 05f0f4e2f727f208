import { type MouseEvent, useEffect, useRef, useState } from 'react';
import type { Comparison } from '../../pure/compare.ts';
import { pairWords } from '../../pure/compare-words.ts';
import { plural } from '../../pure/figures.ts';
import type { Place } from '../../pure/heat-moves.ts';
import { useSize } from '../use-size.ts';
import { drawChanges, layoutMap, type MapLayout } from './draw-changes.ts';
import { useChangeCursor } from './use-change-cursor.ts';

interface ChangeMapProps {
  comparison: Comparison;
  /** Colours are read anew when it changes. */
  theme: string;
  letterKeys: boolean;
  /** Opens a link, pod uids. */
  onOpen(link: { from: string; to: string }): void;
}

/** The mesh of what changed: column = from, row = to, with the same keys as the heatmap. */
export function ChangeMap({ comparison, theme, letterKeys, onOpen }: ChangeMapProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [layout, setLayout] = useState<MapLayout | null>(null);
  const { width, height, dpr } = useSize(frame);
  const cursor = useChangeCursor({ comparison, letterKeys, grid: frame, onOpen });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `theme` stands for the colours that are read
  useEffect(() => {
    const element = canvas.current;
    const ctx = element?.getContext('2d');
    if (element === null || ctx === null || ctx === undefined || width === 0) return;
    const laid = layoutMap(ctx, comparison, { width, height });
    setLayout(laid);
    element.width = Math.round(laid.width * dpr);
    element.height = Math.round(laid.height * dpr);
    element.style.width = `${laid.width}px`;
    element.style.height = `${laid.height}px`;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    const style = getComputedStyle(element);
    drawChanges(ctx, comparison, laid, (name) => style.getPropertyValue(name).trim());
  }, [comparison, width, height, dpr, theme]);
  const { n, figures } = comparison;
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
      {/* biome-ignore lint/a11y/useSemanticElements: the cells are pixels; the one that the keys are at is an element */}
      <div
        className="change-frame"
        ref={frame}
        role="grid"
        tabIndex={0}
        aria-label={`What changed, columns ping, rows answer: ${plural(figures.affected, 'link')} of ${figures.of} became worse`}
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
          {layout !== null && <SpokenCell at={cursor.place} {...{ layout, comparison }} byKeys={cursor.byKeys} />}
        </div>
      </div>
      <p className="change-words">
        {shown === null
          ? 'Column: the pod that pings. Row: the pod that answers.'
          : pairWords(comparison, shown.column * n + shown.row)}
      </p>
    </>
  );
}

function boxOf({ column, row }: Place, { left, top, pitch, gap }: MapLayout) {
  return { left: left + column * pitch, top: top + row * pitch, width: pitch - gap, height: pitch - gap };
}

/** The frame around the cell that is told of. */
function Ring({ at, layout }: { at: Place; layout: MapLayout }) {
  return <span className="change-ring" style={boxOf(at, layout)} />;
}

interface SpokenCellProps {
  at: Place;
  layout: MapLayout;
  comparison: Comparison;
  byKeys: boolean;
}

/** The one cell that is an element: the active descendant. It lies where it is drawn, and scrolls into view with the keys. */
function SpokenCell({ at, layout, comparison, byKeys }: SpokenCellProps) {
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
        <span className="hidden">{pairWords(comparison, column * comparison.n + row, true)}</span>
      </div>
    </div>
  );
}
