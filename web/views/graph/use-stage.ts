import {
  type MouseEvent,
  type PointerEvent,
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { ViewProps } from '../../components/view-props.ts';
import { dotsOf } from './canvas.tsx';
import { inScene, onStage, type Point } from './geometry.ts';
import type { EmphasisOf } from './links.tsx';
import type { Cursor } from './pods.tsx';
import { type GraphHit, hitGraph } from './scene.ts';
import type { Graph } from './use-graph.ts';
import type { GraphZoom } from './use-zoom.tsx';

interface StageRequest {
  props: ViewProps;
  graph: Graph;
  zoom: GraphZoom;
  stage: RefObject<HTMLDivElement | null>;
  /** A pod (uid) is dragged to a point of the scene. */
  onMove: (uid: string, point: Point) => void;
  kept: Cursor | null;
}

/** The pod or link under the pointer, and the pointer's place on the stage. */
interface Hover extends Point {
  hit: Exclude<GraphHit, null>;
}

/**
 * Pointer and keyboard handling of the stage: hover, click, and dragging of pods by mouse (a drag that starts elsewhere is left to
 * `useZoom`, which pans); and the resulting emphasis of links and place of the card.
 */
export function useStage({ props, graph, zoom, stage, onMove, kept }: StageRequest) {
  const { picture, selection, onSelect } = props;
  const { n, mesh } = picture;
  const [hover, setHover] = useState<Hover | null>(null);
  /** The uid of the dragged pod, because indexes change when pods come or go; '' = none. */
  const [held, setHeld] = useState('');
  const dots = useMemo(() => dotsOf(graph, n), [graph, n]);
  // For the same reason an old cursor is dropped.
  const cursor = kept !== null && mesh.pods[kept.pod]?.uid === kept.uid ? kept : null;
  const uidOf = (index: number) => mesh.pods[index]?.uid ?? '';
  const select = (hit: GraphHit) => {
    if (hit === null) {
      if (selection !== null) onSelect(null);
    } else if ('pod' in hit) onSelect({ pod: uidOf(hit.pod) });
    else onSelect({ from: uidOf(Math.floor(hit.pair / n)), to: uidOf(hit.pair % n) });
  };
  const hitAt = (point: Point) => {
    const { x, y } = inScene(zoom.current(), point);
    const slack = Math.max(3, 7 / zoom.current().k);
    return hitGraph(x, y, [...graph.glyphs, ...dots], graph.spots, graph.radii, graph.links, slack);
  };
  /** The pod at a point of the stage, with its centre there. */
  const podAt = (point: Point) => {
    const hit = hitAt(point);
    const place = hit !== null && 'pod' in hit ? placeOf(hit, graph, zoom) : null;
    return hit !== null && 'pod' in hit && place !== null ? { uid: uidOf(hit.pod), ...place } : undefined;
  };
  const latest = useRef({ podAt, onMove });
  latest.current = { podAt, onMove };
  useEffect(() => {
    const element = stage.current;
    if (element === null) return;
    let isOver = false;
    let detach = () => {};
    // Attached before the zoom, because this effect comes before that of `useZoom`, and both wait for the same promise.
    void zoom.gestures.then((loaded) => {
      if (isOver || loaded === null) return;
      detach = loaded.attachDrag(element, {
        podAt: (point) => latest.current.podAt(point),
        onStart: setHeld,
        onMove: (uid, point) => latest.current.onMove(uid, inScene(zoom.current(), point)),
        onEnd: () => setHeld(''),
      });
    });
    return () => {
      isOver = true;
      detach();
    };
  }, [stage, zoom]);
  const hoverAt = (event: PointerEvent | MouseEvent) => {
    const { left = 0, top = 0 } = stage.current?.getBoundingClientRect() ?? {};
    const [x, y] = [event.clientX - left, event.clientY - top];
    return { hit: hitAt({ x, y }), x, y };
  };
  const handlers = {
    onPointerDown: () => setHover(null),
    onPointerMove: (event: PointerEvent) => {
      if (event.pointerType === 'touch' || event.buttons !== 0) return;
      const { hit, x, y } = hoverAt(event);
      const isSame = (old: Hover | null) => JSON.stringify(old?.hit) === JSON.stringify(hit);
      setHover((old) => (hit === null ? null : isSame(old) ? old : { hit, x, y }));
    },
    onPointerLeave: () => setHover(null),
    onClick: (event: MouseEvent) => {
      // A click without a pointer comes from assistive technology. The pod itself handles it.
      if (event.detail !== 0) select(hoverAt(event).hit);
    },
  };
  const ofCursor = cursor && (cursor.pair >= 0 ? { pair: cursor.pair } : { pod: cursor.pod });
  const hot = hover?.hit ?? ofCursor;
  const emphasisOf = useEmphasis(graph, hot !== null && 'pair' in hot ? hot.pair : -1);
  return {
    dots,
    cursor,
    select,
    handlers,
    isPointing: hover !== null,
    held: held === '' ? -1 : mesh.pods.findIndex(({ uid }) => uid === held),
    hot,
    at: hover ?? (hot === null ? null : placeOf(hot, graph, zoom)),
    emphasisOf,
  };
}

function useEmphasis({ pod, pair: selected }: Graph, hot: number) {
  return useCallback<EmphasisOf>(
    ({ pair, from, to }) => {
      if (pair === selected) return 'selected';
      if (pair === hot) return 'hot';
      return pod >= 0 && from !== pod && to !== pod ? 'dim' : 'plain';
    },
    [selected, hot, pod],
  );
}

/** The place of a pod or link on the stage. */
function placeOf(hit: Exclude<GraphHit, null>, graph: Graph, zoom: GraphZoom): Point | null {
  const point = 'pod' in hit ? graph.spots[hit.pod] : graph.links.find(({ pair }) => pair === hit.pair)?.middle;
  return point === undefined ? null : onStage(zoom.current(), point);
}
