import {
  type CSSProperties,
  type MouseEvent,
  type ReactNode,
  type RefObject,
  type UIEvent,
  useEffect,
  useRef,
} from 'react';
import type { Place } from '../model/grid-moves.ts';
import type { GridCursor } from './use-grid-cursor.ts';

interface GridFrameProps {
  cursor: GridCursor;
  grid: RefObject<HTMLDivElement | null>;
  className: string;
  label: string;
  count: number;
  placeAt(event: MouseEvent): Place | null;
  /** Opens the cell at the pointer unless given. */
  onClick?(event: MouseEvent): void;
  onScroll?(event: UIEvent): void;
  size?: CSSProperties;
  /** Where a cell is in the content, and its text; null = there is no such cell. */
  cellOf(place: Place): { box: CSSProperties; words: string } | null;
  children: ReactNode;
}

/** A grid of links. Its cells are pixels (`children`); only the one at the cursor is an element, for screen readers and magnifiers. */
export function GridFrame(props: GridFrameProps) {
  const { cursor, grid, className, label, count, placeAt, onClick, onScroll, size, cellOf, children } = props;
  const { place, byKeys } = cursor;
  const active = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows the place
  useEffect(() => {
    if (byKeys) active.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [byKeys, place.column, place.row]);
  const cell = count === 0 ? null : cellOf(place);
  return (
    // biome-ignore lint/a11y/useSemanticElements: cells are pixels; only the active cell is an element
    <div
      className={className}
      ref={grid}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={count}
      aria-colcount={count}
      aria-activedescendant={cell === null ? undefined : 'grid-cell'}
      onScroll={onScroll}
      onPointerMove={(event) => cursor.point(placeAt(event))}
      onPointerLeave={() => cursor.point(null)}
      onClick={onClick ?? ((event) => cursor.open(placeAt(event)))}
      onFocus={(event) => cursor.focus(event.currentTarget.matches(':focus-visible'))}
      onBlur={() => cursor.focus(false)}
      onKeyDown={cursor.onKeyDown}
    >
      <div className="grid-sizer" style={size}>
        {children}
        {cell !== null && (
          // biome-ignore lint/a11y/useSemanticElements: see the grid
          <div role="row" tabIndex={-1} aria-rowindex={place.row + 1}>
            {/* biome-ignore lint/a11y/useSemanticElements: see the grid */}
            <div
              role="gridcell"
              tabIndex={-1}
              id="grid-cell"
              ref={active}
              style={cell.box}
              aria-colindex={place.column + 1}
            >
              <span className="hidden">{cell.words}</span>
            </div>
          </div>
        )}
      </div>
    </div>
  );
}
