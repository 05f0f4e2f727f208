import { type MouseEvent, type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import type { ViewProps } from '../../components/view-props.ts';
import { inScene, onStage, type Point, type Zoom } from './geometry.ts';
import type { ZoomControls } from './gestures.ts';
import type { EmphasisOf } from './links.tsx';
import type { Cursor } from './pods.tsx';
import { type GraphHit, hitGraph } from './scene.ts';
import type { Graph } from './use-graph.ts';

export interface StageRequest {
  props: ViewProps;
  graph: Graph;
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
  /** Receives what zooms the stage once that is loaded. Without it the graph can be read, but neither zoomed nor dragged. */
  controls: RefObject<ZoomControls | null>;
  stage: RefObject<HTMLDivElement | null>;
  /** A pod (uid) is dragged to a point of the scene. */
  onMove: (uid: string, point: Point) => void;
  cursor: Cursor | null;
}

/** The pod or link under the pointer, the uids of its pods, and the pointer's place on the stage. */
interface Hover extends Point {
  hit: Exclude<GraphHit, null>;
  uids: string;
}

/** Hover, click, zoom and drag on the stage; the resulting emphasis of links and place of the card. */
export function useStage({ props, graph, zoom, onZoom, controls, stage, onMove, cursor }: StageRequest) {
  const { picture, selection, onSelect } = props;
  const { n, mesh } = picture;
  const [pointed, setPointed] = useState<Hover | null>(null);
  const uidOf = (index: number) => mesh.pods[index]?.uid ?? '';
  const uidsOf = (hit: Exclude<GraphHit, null>) =>
    ('pod' in hit ? [hit.pod] : [Math.floor(hit.pair / n), hit.pair % n]).map(uidOf);
  // A pod that comes or goes changes the indexes: the old ones would tell of another pod.
  const hover = pointed !== null && uidsOf(pointed.hit).join() === pointed.uids ? pointed : null;
  const select = (hit: GraphHit) => {
    const [one, other] = hit === null ? [] : uidsOf(hit);
    if (one !== undefined) onSelect(other === undefined ? { pod: one } : { from: one, to: other });
    else if (selection !== null) onSelect(null);
  };
  const hitAt = (point: Point) => hitGraph(inScene(zoom, point), graph, Math.max(3, 7 / zoom.k));
  const target = {
    podAt: (point: Point) => {
      const hit = hitAt(point);
      if (hit === null || !('pod' in hit)) return undefined;
      const spot = graph.spots[hit.pod];
      return spot && { uid: uidOf(hit.pod), ...onStage(zoom, spot) };
    },
    onMove: (uid: string, point: Point) => onMove(uid, inScene(zoom, point)),
  };
  const latest = useRef(target);
  latest.current = target;
  useEffect(() => {
    const element = stage.current;
    if (element === null) return;
    let isOver = false;
    let detach = () => {};
    import('./gestures.ts').then(
      ({ attachGestures }) => {
        if (isOver) return;
        const attached = attachGestures(element, {
          podAt: (point) => latest.current.podAt(point),
          onMove: (uid, point) => latest.current.onMove(uid, point),
          onZoom,
        });
        controls.current = attached;
        detach = attached.detach;
      },
      () => {},
    );
    return () => {
      isOver = true;
      controls.current = null;
      detach();
    };
  }, [stage, controls, onZoom]);
  const hoverAt = (event: MouseEvent) => {
    const { left = 0, top = 0 } = stage.current?.getBoundingClientRect() ?? {};
    const [x, y] = [event.clientX - left, event.clientY - top];
    return { hit: hitAt({ x, y }), x, y };
  };
  const handlers = {
    onPointerDown: () => setPointed(null),
    onPointerMove: (event: PointerEvent) => {
      if (event.pointerType === 'touch' || event.buttons !== 0) return;
      const { hit, x, y } = hoverAt(event);
      const isSame = JSON.stringify(hover?.hit) === JSON.stringify(hit);
      if (!isSame) setPointed(hit && { hit, uids: uidsOf(hit).join(), x, y });
    },
    onPointerLeave: () => setPointed(null),
    onClick: (event: MouseEvent) => {
      // A click without a pointer comes from assistive technology. The pod itself handles it.
      if (event.detail !== 0) select(hoverAt(event).hit);
    },
  };
  const ofCursor = cursor && (cursor.pair >= 0 ? { pair: cursor.pair } : { pod: cursor.pod });
  const hot = hover?.hit ?? ofCursor;
  const emphasisOf = useEmphasis(graph, hot !== null && 'pair' in hot ? hot.pair : -1);
  const at = hover ?? (hot === null ? null : placeOf(hot, graph, zoom));
  return { select, handlers, isPointing: hover !== null, hot, at, emphasisOf };
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

function placeOf(hit: Exclude<GraphHit, null>, graph: Graph, zoom: Zoom): Point | null {
  const point = 'pod' in hit ? graph.spots[hit.pod] : graph.links.find(({ pair }) => pair === hit.pair)?.middle;
  return point === undefined ? null : onStage(zoom, point);
}
