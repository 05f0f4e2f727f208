import { type RefObject, useLayoutEffect, useMemo, useRef } from 'react';
import { CALLOUT_INDENT, MAX_CALLOUT_WIDTH, type PlacedCallout, placeCallouts } from '../../pure/callout-layout.ts';
import { cellColours } from '../../pure/heat-colours.ts';
import type { ViewProps } from '../../view-props.ts';
import type { Size } from '../use-size.ts';
import { drawFrame } from './draw-frame.ts';
import { drawOverlay, type Pointing } from './draw-overlay.ts';
import { prepareCanvas, type Scroll } from './grid-geometry.ts';
import { readTokens, type Scene } from './scene.ts';
import type { HeatModel } from './use-heat-model.ts';

/** What was drawn last: the PNG is made from it. */
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

/** Up to this many pods each callout has a line with a button, and the picture a note on how to read it. */
export const EXPLAINED_TO = 12;

/** In so much room each sentence of that note has one line, CSS px. */
const ONE_LINE = 300;

/** Draws the picture on one canvas whenever it changes, and gives where its callouts are. */
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
    const where = { dpr: size.dpr, scrollX: scroll.x, scrollY: scroll.y };
    const scene = { picture, axisStates, arrangement, layout, group, token, colours: cellColours(token), ...where };
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
    // Even to clear what is clear has all of it painted anew.
    if (isNothing && isBlank.current) return;
    const ctx = canvas.current === null ? null : prepareCanvas(canvas.current, size, height);
    if (ctx === null || drawn.current === null) return;
    drawOverlay(ctx, drawn.current.scene, pointing);
    isBlank.current = isNothing;
  });
  return canvas;
}
