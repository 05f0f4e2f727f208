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
import type { Dragged } from './gestures.ts';
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
  onMove: (uid: string, point: Point) => void;
  kept: Cursor | null;
}

/** Pointer and keyboard handling of the stage, and the resulting emphasis of links and place of the card. */
export function useStage({ props, graph, zoom, stage, onMove, kept }: StageRequest) {
  const { picture } = props;
  const dots = useMemo(() => dotsOf(graph, picture.n), [graph, picture.n]);
  // Indexes change when pods come or go, so an old cursor is dropped.
  const cursor = kept !== null && picture.mesh.pods[kept.pod]?.uid === kept.uid ? kept : null;
  const select = useSelect(props);
  const hitAt = useCallback(
    (point: Point) => {
      const { x, y } = inScene(zoom.current(), point);
      const slack = Math.max(3, 7 / zoom.current().k);
      return hitGraph(x, y, [...graph.glyphs, ...dots], graph.spots, graph.radii, graph.links, slack);
    },
    [dots, graph, zoom],
  );
  const podAt = useCallback(
    (index: number) => {
      const point = placeOf({ pod: index }, graph, zoom);
      return point === null ? undefined : { uid: picture.mesh.pods[index]?.uid ?? '', ...point };
    },
    [picture, graph, zoom],
  );
  const pointer = usePointer({ stage, zoom, hitAt, podAt, select, onMove });
  const held = pointer.held === '' ? -1 : picture.mesh.pods.findIndex(({ uid }) => uid === pointer.held);
  const hot = pointer.hover?.hit ?? hitOf(cursor);
  const emphasisOf = useEmphasis(graph, hot !== null && 'pair' in hot ? hot.pair : -1);
  const at = pointer.hover ?? (hot === null ? null : placeOf(hot, graph, zoom));
  return { dots, cursor, select, pointer, held, hot, at, emphasisOf };
}

function useSelect({ picture, selection, onSelect }: ViewProps): (hit: GraphHit) => void {
  return useCallback(
    (hit) => {
      const uidOf = (index: number) => picture.mesh.pods[index]?.uid ?? '';
      if (hit === null) {
        if (selection !== null) onSelect(null);
      } else if ('pod' in hit) onSelect({ pod: uidOf(hit.pod) });
      else onSelect({ from: uidOf(Math.floor(hit.pair / picture.n)), to: uidOf(hit.pair % picture.n) });
    },
    [picture, selection, onSelect],
  );
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

function hitOf(cursor: Cursor | null): GraphHit {
  if (cursor === null) return null;
  return cursor.pair >= 0 ? { pair: cursor.pair } : { pod: cursor.pod };
}

/** The place of a pod or link on the stage. */
function placeOf(hit: Exclude<GraphHit, null>, graph: Graph, zoom: GraphZoom): Point | null {
  const point = 'pod' in hit ? graph.spots[hit.pod] : graph.links.find(({ pair }) => pair === hit.pair)?.middle;
  return point === undefined ? null : onStage(zoom.current(), point);
}

/** Callbacks for pointer events. Points are px of the stage. */
interface PointerRequest {
  stage: RefObject<HTMLDivElement | null>;
  zoom: GraphZoom;
  hitAt: (point: Point) => GraphHit;
  /** The uid and the place of a pod (an index in `Mesh.pods`). */
  podAt: (index: number) => Dragged | undefined;
  select: (hit: GraphHit) => void;
  /** A pod is dragged to a point of the scene. */
  onMove: (uid: string, point: Point) => void;
}

/** The pod or link under the pointer, and the pointer's place. */
interface Hover extends Point {
  hit: Exclude<GraphHit, null>;
}

/** Hover, click, and dragging of pods by mouse. A drag that starts elsewhere is left to `useZoom`, which pans. */
function usePointer(request: PointerRequest) {
  const latest = useRef(request);
  latest.current = request;
  const [hover, setHover] = useState<Hover | null>(null);
  /** The uid of the dragged pod; '' = none. */
  const [held, setHeld] = useState('');
  usePodDrag(latest, setHeld);
  const handlers = useMemo(() => {
    const hitOf = (event: PointerEvent | MouseEvent) => {
      const { left = 0, top = 0 } = latest.current.stage.current?.getBoundingClientRect() ?? {};
      const [x, y] = [event.clientX - left, event.clientY - top];
      return { hit: latest.current.hitAt({ x, y }), x, y };
    };
    return {
      onPointerDown: () => setHover(null),
      onPointerMove: (event: PointerEvent) => {
        if (event.pointerType === 'touch' || event.buttons !== 0) return;
        const { hit, x, y } = hitOf(event);
        const isSame = (old: Hover | null) => JSON.stringify(old?.hit) === JSON.stringify(hit);
        setHover((old) => (hit === null ? null : isSame(old) ? old : { hit, x, y }));
      },
      onPointerLeave: () => setHover(null),
      onClick: (event: MouseEvent) => {
        // A click without a pointer comes from assistive technology. The pod itself handles it.
        if (event.detail !== 0) latest.current.select(hitOf(event).hit);
      },
    };
  }, []);
  return { hover, handlers, held };
}

function usePodDrag(latest: RefObject<PointerRequest>, setHeld: (uid: string) => void): void {
  useEffect(() => {
    const element = latest.current.stage.current;
    if (element === null) return;
    let isOver = false;
    let detach = () => {};
    // Attached before the zoom, because this effect comes before that of `useZoom`, and both wait for the same promise.
    void latest.current.zoom.gestures.then((loaded) => {
      if (isOver || loaded === null) return;
      detach = loaded.attachDrag(element, {
        podAt: (point) => {
          const hit = latest.current.hitAt(point);
          return hit !== null && 'pod' in hit ? latest.current.podAt(hit.pod) : undefined;
        },
        onStart: setHeld,
        onMove: (uid, point) => {
          latest.current.onMove(uid, inScene(latest.current.zoom.current(), point));
        },
        onEnd: () => setHeld(''),
      });
    });
    return () => {
      isOver = true;
      detach();
    };
  }, [latest, setHeld]);
}
