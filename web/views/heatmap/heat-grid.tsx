import { type MouseEvent, type RefObject, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { prepareCanvas, readTokens } from '../../components/canvas.ts';
import { CardBeside } from '../../components/card-beside.tsx';
import { GridFrame } from '../../components/grid-frame.tsx';
import { useShortcuts } from '../../components/keys.ts';
import { LinkCard } from '../../components/link-card.tsx';
import { useGridCursor } from '../../components/use-grid-cursor.ts';
import type { Size } from '../../components/use-size.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { ORDERS } from '../../model/address.ts';
import type { Place } from '../../model/grid-moves.ts';
import { cellColours } from '../../model/heat-colours.ts';
import { foldWords } from '../../model/levels.ts';
import { codeOf } from '../../model/links.ts';
import { cellSentence } from '../../model/messages.ts';
import { PlacedCallouts } from './callout-list.tsx';
import { CALLOUT_INDENT, MAX_CALLOUT_WIDTH, placeCallouts } from './callouts.ts';
import { type Drawn, drawFrame, drawOverlay, type Pointing } from './draw-frame.ts';
import { type Cell, cellRect, isScrolled, keepInView, nameAt, placeAt, type Scroll, sizerOf } from './scene.ts';
import type { HeatModel } from './use-heat-model.ts';

interface GridProps {
  props: ViewProps;
  model: HeatModel;
  size: Size;
  /** Receives the last drawn frame. */
  drawn: RefObject<Drawn | null>;
}

/** Up to this many pods, callouts have a button, and a note explains rows and columns. */
const EXPLAINED_TO = 12;
/** Minimum width at which each sentence of the note fits on one line, CSS px. */
const ONE_LINE = 300;

/** The canvas with axes, pointer and keyboard handling, and a text for screen readers. */
export function HeatGrid(gridProps: GridProps) {
  const { props, model, size, drawn } = gridProps;
  const { picture, selection, onSelect } = props;
  const { arrangement, layout, shown } = model;
  const { pods } = arrangement;
  const [scroll, setScroll] = useState({ x: 0, y: 0 });
  const scroller = useRef<HTMLDivElement>(null);
  const height = props.narrow ? layout.top + layout.viewHeight + 8 : size.height;
  const cellOf = ({ column, row }: Place): Cell => ({ from: pods[column] ?? 0, to: pods[row] ?? 0 });
  const isState = (state: 'failed' | 'slow') => (place: Place) => {
    const { from, to } = cellOf(place);
    return shown.state[from * shown.n + to] === codeOf(state);
  };
  const cursor = useGridCursor({
    count: pods.length,
    uidAt: (position) => picture.pods[pods[position] ?? -1]?.pod.uid,
    positionOf: (uid) => arrangement.positionOf[picture.pods.findIndex(({ pod }) => pod.uid === uid)] ?? -1,
    grid: scroller,
    letterKeys: props.letterKeys,
    jumps: { nextFailed: isState('failed'), nextSlow: isState('slow') },
    onOpen: (place) => openCell(props, cellOf(place)),
    onMove: ({ column, row }) => {
      const box = scroller.current;
      if (box === null || !isScrolled(layout)) return;
      box.scrollLeft = keepInView(box.scrollLeft, layout.starts[column] ?? 0, layout.pitch, layout.viewWidth);
      box.scrollTop = keepInView(box.scrollTop, layout.starts[row] ?? 0, layout.pitch, layout.viewHeight);
    },
  });
  const stepOrder = (step: 1 | -1) => {
    const order = ORDERS[(ORDERS.indexOf(props.order) + step + ORDERS.length) % ORDERS.length];
    if (order !== undefined) props.onChange({ order });
  };
  useShortcuts('heatmap', props.letterKeys, { previousOrder: () => stepOrder(-1), nextOrder: () => stepOrder(1) });
  useFirstScroll(scroller, shown, model);
  const cell = cursor.shown === null ? null : cellOf(cursor.shown);
  const { canvas, placed } = useFrame(gridProps, height, scroll);
  const over = useOverlay(size, height, drawn, { cell, byKeys: cursor.byKeys, selection });
  const pointOf = ({ clientX, clientY }: MouseEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    return { x: clientX - (box?.left ?? 0), y: clientY - (box?.top ?? 0) };
  };
  const pointAt = (event: MouseEvent) => placeAt(shown, arrangement, layout, scroll, pointOf(event));
  const onClick = (event: MouseEvent) => {
    const pod = picture.pods[nameAt(arrangement, layout, scroll, pointOf(event))]?.pod;
    if (pod === undefined) cursor.open(pointAt(event));
    else onSelect({ pod: pod.uid });
  };
  const spokenCell = ({ column, row }: Place) => {
    const { from, to } = cellOf({ column, row });
    const [left, top] = [layout.left + (layout.starts[column] ?? 0), layout.top + (layout.starts[row] ?? 0)];
    const size = layout.pitch - layout.gap;
    return { box: { left, top, width: size, height: size }, words: cellSentence(picture, from, to) };
  };
  const [scrollX, scrollY] = [scroll.x, scroll.y];
  const pointed = cell === null ? null : cellRect({ layout, arrangement, scrollX, scrollY }, cell);
  const isFolded = cell !== null && foldWords(picture, cell.from, cell.to) !== '';
  // The card must not cover callouts.
  const room = placed.length > 0 ? layout.left + layout.viewWidth : size.width;
  return (
    <div className="heat-stage" style={props.narrow ? { height, flex: 'none' } : {}}>
      <GridFrame
        cursor={cursor}
        grid={scroller}
        className="heat-scroll"
        label="Heatmap. Column: pings sent. Row: pings received."
        count={pods.length}
        placeAt={pointAt}
        onClick={onClick}
        onScroll={({ currentTarget: { scrollLeft, scrollTop } }) =>
          setScroll(isScrolled(layout) ? { x: scrollLeft, y: scrollTop } : { x: 0, y: 0 })
        }
        size={sizerOf(layout, size, height)}
        cellOf={spokenCell}
      >
        <div className="heat-layers" aria-hidden="true">
          <canvas ref={canvas} style={{ width: size.width, height }} />
          <canvas ref={over} style={{ width: size.width, height }} />
        </div>
      </GridFrame>
      <PlacedCallouts placed={placed} picture={picture} width={size.width} onSelect={onSelect} />
      {picture.n <= EXPLAINED_TO && model.calloutsBeside && pods.length > 0 && (
        <p className="heat-reading second" style={{ left: layout.left + layout.viewWidth + 46, top: layout.top + 4 }}>
          <b>Column</b>: pings sent.
          <br />
          <b>Row</b>: pings received.
        </p>
      )}
      {cell !== null && pointed !== null && (
        <CardBeside
          className="link-card second"
          at={pointed}
          bounds={{ x: 4, y: 4, width: room - 8, height: height - 8 }}
        >
          <LinkCard
            picture={picture}
            problemMs={props.thresholds.problemMs}
            {...cell}
            hint={isFolded ? 'Worst of these links. Enter unfolds them.' : 'Enter opens the link'}
          />
        </CardBeside>
      )}
    </div>
  );
}

/** Scrolls once to the worst link, if it is bad: a fault below the edge would not be seen. New data never scroll. */
function useFirstScroll(
  scroller: RefObject<HTMLDivElement | null>,
  { worst, state, n }: HeatModel['shown'],
  { arrangement: { positionOf }, layout }: HeatModel,
): void {
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box === null || !isFirst.current) return;
    isFirst.current = false;
    const code = worst === null ? -1 : state[worst.from * n + worst.to];
    if (worst === null || (code !== codeOf('failed') && code !== codeOf('slow')) || !isScrolled(layout)) return;
    const startOf = (pod: number) => layout.starts[positionOf[pod] ?? -1] ?? 0;
    box.scrollLeft = keepInView(0, startOf(worst.from), layout.pitch, layout.viewWidth);
    box.scrollTop = keepInView(0, startOf(worst.to), layout.pitch, layout.viewHeight);
  });
}

/** Opens a link. Of a folded link it unfolds the groups at both ends. */
function openCell({ picture, unfolded, onSelect, onChange }: ViewProps, { from, to }: Cell): void {
  const groups = [from, to].flatMap((index) => picture.fold?.groups[index] ?? []);
  const folded = new Set(groups.filter(({ pods }) => pods.length > 1).map(({ key }) => key));
  const [source, target] = [picture.pods[from]?.pod.uid, picture.pods[to]?.pod.uid];
  if (folded.size > 0) onChange({ unfolded: [...unfolded, ...folded] });
  else if (source !== undefined && target !== undefined) onSelect({ from: source, to: target });
}

/** Draws the heatmap whenever it changes, and returns its canvas and the places of its callouts. */
function useFrame({ props, model, size, drawn }: GridProps, height: number, scroll: Scroll) {
  const { theme } = props;
  const { shown, axisStates, arrangement, layout, group, callouts, calloutsBeside } = model;
  const canvas = useRef<HTMLCanvasElement>(null);
  const action = shown.n <= EXPLAINED_TO;
  const placed = useMemo(() => {
    if (!calloutsBeside) return [];
    const room = size.width - layout.left - layout.viewWidth - CALLOUT_INDENT;
    const width = Math.min(MAX_CALLOUT_WIDTH, room);
    const note = room < ONE_LINE ? 116 : 76;
    const bounds = { low: layout.top + (action ? note : 14), high: height - 8, width, action };
    return placeCallouts(callouts, layout, scroll, bounds);
  }, [calloutsBeside, callouts, layout, scroll, size.width, height, action]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `theme` stands for the tokens that are read
  useLayoutEffect(() => {
    const ctx = prepareCanvas(canvas.current, { ...size, height }, size.dpr);
    if (ctx === null) return;
    const token = readTokens(ctx.canvas);
    const scene = {
      picture: shown,
      axisStates,
      arrangement,
      layout,
      group,
      token,
      colours: cellColours(token),
      dpr: size.dpr,
      scrollX: scroll.x,
      scrollY: scroll.y,
    };
    drawFrame(ctx, scene, placed);
    drawn.current = { scene, placed };
  }, [shown, axisStates, arrangement, layout, group, placed, size, height, scroll, theme, drawn]);
  return { canvas, placed };
}

/** Draws crosshair, rings and bold names on a second canvas above the first. Call it after `useFrame`. */
function useOverlay(size: Size, height: number, drawn: RefObject<Drawn | null>, pointing: Pointing) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const ctx = prepareCanvas(canvas.current, { ...size, height }, size.dpr);
    if (ctx !== null && drawn.current !== null) drawOverlay(ctx, drawn.current.scene, pointing);
  });
  return canvas;
}
