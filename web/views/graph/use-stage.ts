import { type RefObject, useCallback, useMemo } from 'react';
import type { ViewProps } from '../../components/view-props.ts';
import { dotsOf } from './canvas.tsx';
import { inScene, onStage, type Point } from './geometry.ts';
import type { Emphasis } from './links.tsx';
import type { Cursor } from './pods.tsx';
import { type GraphHit, hitGraph } from './scene.ts';
import type { Graph } from './use-graph.ts';
import { usePointer } from './use-pointer.ts';
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
  const dots = useMemo(() => dotsOf(graph, picture.n, graph.ring), [graph, picture.n]);
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
  return useCallback(
    (pair: number, from: number, to: number): Emphasis => {
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
