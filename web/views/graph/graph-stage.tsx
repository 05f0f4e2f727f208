import { type RefObject, useMemo, useRef } from 'react';
import { plural } from '../../../server/runtime/count-text.ts';
import { Late } from '../../components/late.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import type { Label } from '../../model/label-layout.ts';
import { cellSentence } from '../../model/messages.ts';
import { LinkCanvas } from './canvas.tsx';
import { ExternalMarks } from './external-marks.tsx';
import type { Point } from './geometry.ts';
import { GraphCard } from './graph-card.tsx';
import { labelBoxes, labelsOf, useLabelLines } from './labels.ts';
import { type Emphasis, LinkPills, LinkShape } from './links.tsx';
import { type Cursor, PodLabels, PodNodes } from './pods.tsx';
import { RingArcs } from './ring-arcs.tsx';
import { LINK_STYLES } from './scene.ts';
import type { Graph } from './use-graph.ts';
import { useStage } from './use-stage.ts';
import { type GraphZoom, SvgLayer } from './use-zoom.tsx';

/** Loads the code of the bundles. They are drawn after everything else, and never among few pods. */
export const loadBundles = () => import('./bundle-canvas.tsx');

/** Maximum number of marks on links. With more, only dashes show failed links. */
const MAX_MARKS = 60;

interface GraphStageProps {
  props: ViewProps;
  graph: Graph;
  zoom: GraphZoom;
  size: { width: number; height: number };
  stage: RefObject<HTMLDivElement | null>;
  onMove: (uid: string, point: Point) => void;
  cursor: Cursor | null;
  onCursor: (cursor: Cursor | null) => void;
}

/** The graph, layer by layer: arcs, external targets, links, labels, pods, latencies, and the card on top. */
export function GraphStage({ props, graph, zoom, size, stage, onMove, cursor: kept, onCursor }: GraphStageProps) {
  const { picture, narrow, nowMs, theme } = props;
  const { ring, tier, frame, grouped } = graph;
  const labels = useLabels(graph, narrow);
  const lines = useLabelLines(graph, picture, nowMs, narrow);
  const marked = graph.links.filter(({ state }) => LINK_STYLES[state].marked).length <= MAX_MARKS;
  const dropped = graph.links.filter(({ drop }) => drop !== null).length <= MAX_MARKS;
  const { dots, cursor, select, pointer, held, hot, at, emphasisOf } = useStage({
    props,
    graph,
    zoom,
    stage,
    onMove,
    kept,
  });
  const pair = cursor?.pair ?? -1;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a picture with focusable pods in it; fieldset would say something else
    <div
      ref={stage}
      className={`graph-stage${pointer.hover === null ? '' : ' is-pointing'}`}
      role="group"
      aria-label={`Graph of ${plural(picture.n, 'pod')} and their links`}
      {...pointer.handlers}
    >
      <div ref={zoom.plane} className="graph-plane">
        {graph.tier.bundled && (
          <Late load={loadBundles}>
            {({ BundleCanvas }) => (
              <BundleCanvas graph={graph} zoom={zoom} size={size} theme={theme} isHeld={held >= 0} />
            )}
          </Late>
        )}
        {graph.tier.bundled && (
          <LinkCanvas
            graph={graph}
            pods={picture.pods}
            dots={dots}
            held={held}
            zoom={zoom}
            size={size}
            emphasisOf={emphasisOf}
            theme={theme}
            marked={marked}
            dropped={dropped}
          />
        )}
        <SvgLayer zoom={zoom} size={size}>
          <ExternalMarks graph={graph} narrow={narrow} words={labelBoxes(graph, labels, lines, narrow)} />
          <RingArcs
            ring={ring}
            tier={tier}
            frame={frame}
            grouped={grouped}
            labels={labels}
            picture={picture}
            narrow={narrow}
          />
          {!graph.grouped && picture.n > 1 && (
            <ellipse className="ring-line" cx={ring.cx} cy={ring.cy} rx={ring.rx} ry={ring.ry} />
          )}
          {!graph.tier.bundled && (
            <LinkShapes graph={graph} emphasisOf={emphasisOf} marked={marked} dropped={dropped} />
          )}
          <PodLabels graph={graph} labels={labels} lines={lines} picture={picture} />
          <PodNodes
            graph={graph}
            picture={picture}
            nowMs={nowMs}
            cursor={cursor}
            onSelect={select}
            onCursor={onCursor}
          />
          <LinkPills graph={graph} props={props} />
        </SvgLayer>
      </div>
      {hot !== null && at !== null && <GraphCard props={props} hit={hot} at={at} size={size} />}
      <p className="hidden" role="status">
        {pair >= 0 ? cellSentence(picture, Math.floor(pair / picture.n), pair % picture.n) : ''}
      </p>
    </div>
  );
}

/** Places of the labels; the same array while no label moves. */
function useLabels(graph: Graph, narrow: boolean): Label[] {
  const labels = useMemo(() => labelsOf(graph, narrow), [graph, narrow]);
  const kept = useRef(labels);
  if (JSON.stringify(labels) !== JSON.stringify(kept.current)) kept.current = labels;
  return kept.current;
}

interface LinkShapesProps {
  graph: Graph;
  emphasisOf: (pair: number, from: number, to: number) => Emphasis;
  marked: boolean;
  dropped: boolean;
}

function LinkShapes({ graph, emphasisOf, marked, dropped }: LinkShapesProps) {
  const hasBad = graph.links.some(({ state }) => state === 'failed' || state === 'slow');
  return (
    <g className={`graph-links${hasBad ? ' has-bad' : ''}`}>
      {graph.links.map((link) => (
        <LinkShape
          key={link.pair}
          link={link}
          weight={graph.tier.weight}
          emphasis={emphasisOf(link.pair, link.from, link.to)}
          marked={marked}
          dropped={dropped}
        />
      ))}
    </g>
  );
}
