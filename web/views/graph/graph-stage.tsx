import { type RefObject, useCallback, useMemo, useState } from 'react';
import type { Point } from '../../pure/curve.ts';
import { latencyText } from '../../pure/figures.ts';
import { type GraphHit, hitGraph } from '../../pure/graph-hit.ts';
import { LINK_STYLES, PILL_HEIGHT, placePills } from '../../pure/graph-scene.ts';
import { cellSentence } from '../../pure/state-words.ts';
import { toScene, toStage } from '../../pure/zoom.ts';
import type { ViewProps } from '../../view-props.ts';
import { ExternalMarks } from './external-marks.tsx';
import { GraphCard } from './graph-card.tsx';
import { dotsOf, LinkCanvas } from './link-canvas.tsx';
import { type Emphasis, LinkShape } from './link-shape.tsx';
import { labelsOf, PodLabels } from './pod-labels.tsx';
import { PodNodes } from './pod-nodes.tsx';
import { RingArcs } from './ring-arcs.tsx';
import type { Graph } from './use-graph.ts';
import { usePointer } from './use-pointer.ts';
import type { GraphZoom } from './use-zoom.ts';
import { ZoomLayer } from './zoom-layer.tsx';

/** The most figures that are written on links at once. */
const MOST_PILLS = 30;
/** The most marks on links at once: beyond, dashes alone tell failed from good. */
const MOST_MARKS = 60;

interface GraphStageProps {
  props: ViewProps;
  graph: Graph;
  zoom: GraphZoom;
  size: { width: number; height: number };
  stage: RefObject<HTMLDivElement | null>;
  onMove: (index: number, point: Point) => void;
}

/** The picture itself, and everything that pointer and keyboard do in it. */
export function GraphStage({ props, graph, zoom, size, stage, onMove }: GraphStageProps) {
  const { picture, onSelect, selection, narrow, nowMs, theme } = props;
  const dots = useMemo(() => dotsOf(graph, picture.n, graph.ring), [graph, picture.n]);
  const labels = useMemo(() => labelsOf(graph, narrow), [graph, narrow]);
  const marked = graph.links.filter(({ state }) => LINK_STYLES[state].marked).length <= MOST_MARKS;
  const [focus, setFocus] = useState<{ pod: number; pair: number } | null>(null);
  const uidOf = useCallback((index: number) => picture.mesh.pods[index]?.uid ?? '', [picture]);
  const select = useCallback(
    (hit: GraphHit) => {
      if (hit === null) return selection === null ? undefined : onSelect(null);
      if ('pod' in hit) return onSelect({ pod: uidOf(hit.pod) });
      onSelect({ from: uidOf(Math.floor(hit.pair / picture.n)), to: uidOf(hit.pair % picture.n) });
    },
    [onSelect, picture.n, selection, uidOf],
  );
  const hitAt = useCallback(
    (point: Point) => {
      const { x, y } = toScene(zoom.current(), point);
      const slack = Math.max(3, 7 / zoom.current().k);
      return hitGraph(x, y, [...graph.glyphs, ...dots], graph.spots, graph.radii, graph.links, slack);
    },
    [dots, graph, zoom],
  );
  const pointer = usePointer({ stage, zoom, hitAt, select, onMove });
  const hot =
    pointer.hover?.hit ?? (focus === null ? null : focus.pair >= 0 ? { pair: focus.pair } : { pod: focus.pod });
  const hotPair = hot !== null && 'pair' in hot ? hot.pair : -1;
  const { pod, pair: selectedPair } = graph;
  const emphasisOf = useCallback(
    (pair: number, from: number, to: number): Emphasis => {
      if (pair === selectedPair) return 'selected';
      if (pair === hotPair) return 'hot';
      return pod >= 0 && from !== pod && to !== pod ? 'dim' : 'plain';
    },
    [selectedPair, hotPair, pod],
  );
  const at = pointer.hover ?? (hot === null ? null : placeOf(hot, graph, zoom));
  return (
    // biome-ignore lint/a11y/useSemanticElements: a picture with focusable pods in it; fieldset would say something else
    <div
      ref={stage}
      className={`graph-stage${props.lost ? ' is-lost' : ''}${pointer.cursor === '' ? '' : ` is-${pointer.cursor}`}`}
      role="group"
      aria-label={`Graph of ${picture.n} pods and their links`}
      {...pointer.handlers}
    >
      {graph.tier.canvas && (
        <LinkCanvas {...{ graph, dots, zoom, size, emphasisOf, theme, marked }} pods={picture.pods} />
      )}
      <ZoomLayer zoom={zoom} size={size}>
        <RingArcs graph={graph} labels={labels} picture={picture} narrow={narrow} />
        {!graph.grouped && picture.n > 1 && (
          <circle className="ring-line" cx={graph.ring.cx} cy={graph.ring.cy} r={graph.ring.radius} />
        )}
        <ExternalMarks graph={graph} narrow={narrow} />
        {!graph.tier.canvas && (
          <g className="graph-links">
            {graph.links.map((link) => (
              <LinkShape
                key={link.pair}
                link={link}
                weight={graph.tier.weight}
                emphasis={emphasisOf(link.pair, link.from, link.to)}
                marked={marked}
              />
            ))}
          </g>
        )}
        <PodLabels graph={graph} labels={labels} picture={picture} nowMs={nowMs} narrow={narrow} />
        <PodNodes graph={graph} picture={picture} nowMs={nowMs} onSelect={select} onFocus={setFocus} focus={focus} />
        <Pills graph={graph} props={props} />
      </ZoomLayer>
      {hot !== null && at !== null && <GraphCard props={props} hit={hot} at={at} size={size} />}
      <p className="hidden" role="status">
        {focus !== null && focus.pair >= 0
          ? cellSentence(picture, Math.floor(focus.pair / picture.n), focus.pair % picture.n)
          : ''}
      </p>
    </div>
  );
}

/** Figures on slow links, while there are few enough of them. */
function Pills({ graph, props }: { graph: Graph; props: ViewProps }) {
  const { picture } = props;
  const wanted = graph.links.filter(({ state, pair }) => state === 'slow' || pair === graph.pair);
  const slow = [...wanted].sort((a, b) => Number(b.pair === graph.pair) - Number(a.pair === graph.pair));
  if (graph.tier.names !== 'full' && !props.narrow) return null;
  if (!graph.tier.allLinks || graph.tier.weight < 1 || slow.length > MOST_PILLS) return null;
  const measured = slow.filter(({ pair }) => (picture.valueUs[pair] ?? Number.NaN) >= 0);
  const shown = props.narrow ? measured.filter(({ loop }) => loop === null) : measured;
  const text = ({ pair }: { pair: number }) => latencyText(picture.valueUs[pair] ?? Number.NaN);
  const pills = placePills(shown, text, graph.spots, graph.tier.disc);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="graph-pills" aria-hidden="true">
      {pills.map((pill) => {
        const link = shown.find(({ pair }) => pair === pill.pair);
        const dim = graph.pod >= 0 && link?.from !== graph.pod && link?.to !== graph.pod;
        return (
          <g
            key={pill.pair}
            transform={`translate(${pill.x.toFixed(1)} ${pill.y.toFixed(1)})`}
            className={`graph-pill is-${link?.state}${pill.pair === graph.pair ? ' is-selected' : ''}${dim ? ' is-dim' : ''}`}
          >
            <rect
              x={-pill.width / 2}
              y={-PILL_HEIGHT / 2}
              width={pill.width}
              height={PILL_HEIGHT}
              rx={PILL_HEIGHT / 2}
            />
            <text textAnchor="middle" y={4.5}>
              {pill.text}
            </text>
          </g>
        );
      })}
    </g>
  );
}

/** Where on the stage something of the scene is. */
function placeOf(hit: Exclude<GraphHit, null>, graph: Graph, zoom: GraphZoom): Point | null {
  const point = 'pod' in hit ? graph.spots[hit.pod] : graph.links.find(({ pair }) => pair === hit.pair)?.middle;
  return point === undefined ? null : toStage(zoom.current(), point);
}
