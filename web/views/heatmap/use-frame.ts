import { type RefObject, useLayoutEffect, useMemo, useRef } from 'react';
import type { Size } from '../../components/use-size.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { CALLOUT_INDENT, MAX_CALLOUT_WIDTH, type PlacedCallout, placeCallouts } from './callouts.ts';
import { drawFrame } from './draw-frame.ts';
import { drawOverlay, type Pointing } from './draw-overlay.ts';
import { prepareCanvas, type Scroll } from './grid-geometry.ts';
import { cellColours } from './heat-colours.ts';
import { readTokens, type Scene } from './scene.ts';
import type { HeatModel } from './use-heat-model.ts';

/** The last drawn frame, from which the PNG is made. */
export interface Drawn {
  scene: Scene;
  placed: PlacedCallout[];
}

interface FrameRequest {
  props: ViewProps;
  model: HeatModel;
  size: Size;
  height: number;
  scroll: Scroll;
  drawn: RefObject<Drawn | null>;
}

/** Up to this many pods, callouts have a button, and a note explains rows and columns. */
export const EXPLAINED_TO = 12;

/** Minimum width at which each sentence of the note fits on one line, CSS px. */
const ONE_LINE = 300;

/** Draws the heatmap whenever it changes, and returns its canvas and the places of its callouts. */
export function useFrame({ props, model, size, height, scroll, drawn }: FrameRequest) {
  const { picture, theme } = props;
  const { axisStates, arrangement, layout, group, callouts, calloutsBeside } = model;
  const canvas = useRef<HTMLCanvasElement>(null);
  const action = picture.n <= EXPLAINED_TO;
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
    const ctx = canvas.current === null ? null : prepareCanvas(canvas.current, size, height);
    if (canvas.current === null || ctx === null) return;
    const token = readTokens(canvas.current);
    const scene = {
      picture,
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
  }, [picture, axisStates, arrangement, layout, group, placed, size, height, scroll, theme, drawn]);
  return { canvas, placed };
}

/** Draws crosshair, rings and bold names on a second canvas above the first. Call it after `useFrame`. */
export function useOverlay(size: Size, height: number, drawn: RefObject<Drawn | null>, pointing: Pointing) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isBlank = useRef(false);
  useLayoutEffect(() => {
    const isNothing = pointing.cell === null && pointing.selection === null;
    // Clearing an empty canvas would still repaint the page.
    if (isNothing && isBlank.current) return;
    const ctx = canvas.current === null ? null : prepareCanvas(canvas.current, size, height);
    if (ctx === null || drawn.current === null) return;
    drawOverlay(ctx, drawn.current.scene, pointing);
    isBlank.current = isNothing;
  });
  return canvas;
}
