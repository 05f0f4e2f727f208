import { type MouseEvent, useEffect, useRef, useState } from 'react';
import type { Change } from '../../../server/protocol/comparison.ts';
import { prepareCanvas, readTokens } from '../../components/canvas.ts';
import { GridFrame } from '../../components/grid-frame.tsx';
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
  const pairOf = ({ column, row }: Place) => column * n + row;
  const is =
    (...wanted: Change[]) =>
    (place: Place) =>
      wanted.includes(changeAt(map, pairOf(place)));
  const cursor = useGridCursor({
    count: n,
    uidAt: (position) => pods[position]?.uid,
    positionOf: (uid) => pods.findIndex((pod) => pod.uid === uid),
    grid: frame,
    letterKeys,
    jumps: { nextFailed: is('fails-more', 'still-fails'), nextSlow: is('slower', 'loses-more') },
    onOpen: (place) => onOpen(pairUids(map, pairOf(place))),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawing reads the colours of `theme`
  useEffect(() => {
    const measuring = canvas.current?.getContext('2d') ?? null;
    if (measuring === null || width === 0) return;
    const laid = layoutMap(measuring, map, { width, height });
    setLayout(laid);
    const ctx = prepareCanvas(measuring.canvas, laid, dpr);
    if (ctx !== null) pixels.current = drawChanges(ctx, map, laid, readTokens(ctx.canvas));
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
    const pixelOf = (cell: number) => Math.min(side - 1, Math.floor(((cell + 0.5) * side) / n));
    const pair = pairs[pixelOf(row) * side + pixelOf(column)] ?? 0;
    return { column: Math.floor(pair / n), row: pair % n };
  };
  const boxOf = ({ left, top, pitch, gap }: MapLayout, { column, row }: Place) => {
    return { left: left + column * pitch, top: top + row * pitch, width: pitch - gap, height: pitch - gap };
  };
  const { shown } = cursor;
  return (
    <>
      <GridFrame
        cursor={cursor}
        grid={frame}
        className="change-frame"
        label={label}
        count={n}
        placeAt={placeAt}
        size={{ width: 'max-content' }}
        cellOf={(place) => layout && { box: boxOf(layout, place), words: pairText(map, pairOf(place), true) }}
      >
        <div aria-hidden="true">
          <canvas ref={canvas} style={{ width: layout?.width, height: layout?.height }} />
        </div>
        {/* The frame around the cell that the text below the map describes. */}
        {layout !== null && shown !== null && <span className="change-ring" style={boxOf(layout, shown)} />}
      </GridFrame>
      <p className="change-words second">
        {shown === null ? 'Column: the pod that pings. Row: the pod that answers.' : pairText(map, pairOf(shown))}
      </p>
    </>
  );
}
