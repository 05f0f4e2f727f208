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
import { type EmphasisOf, LinkPills, LinkShape } from './links.tsx';
import { type Cursor, PodLabels, PodNodes } from './pods.tsx';
import { RingArcs } from './ring-arcs.tsx';
import type { Graph } from './use-graph.ts';
import { useStage } from './use-stage.ts';
import { type GraphZoom, SvgLayer } from './use-zoom.tsx';

/** Loads the code of the bundles. They are drawn after everything else, and never among few pods. */
export const loadBundles = () => import('./bundle-canvas.tsx');

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
  const { picture, nowMs, theme } = props;
  const { ring, tier, frame, grouped, narrow } = graph;
  const labels = useLabels(graph);
  const lines = useLabelLines(graph, picture, nowMs);
  const pointed = useStage({ props, graph, zoom, stage, onMove, kept });
  const { dots, cursor, select, handlers, held, hot, at, emphasisOf } = pointed;
  const pair = cursor?.pair ?? -1;
  const words = labelBoxes(graph, labels, lines);
  const layer = { graph, picture, zoom, size, theme };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a picture with focusable pods in it; fieldset would say something else
    <div
      ref={stage}
      className={`graph-stage${pointed.isPointing ? ' is-pointing' : ''}`}
      role="group"
      aria-label={`Graph of ${plural(picture.n, 'pod')} and their links`}
      {...handlers}
    >
      <div ref={zoom.plane} className="graph-plane">
        {tier.bundled && (
          <>
            <Late load={loadBundles}>{({ BundleCanvas }) => <BundleCanvas {...layer} isHeld={held >= 0} />}</Late>
            <LinkCanvas {...layer} dots={dots} held={held} emphasisOf={emphasisOf} />
          </>
        )}
        <SvgLayer zoom={zoom} size={size}>
          <ExternalMarks graph={graph} words={words} />
          <RingArcs {...{ ring, tier, frame, grouped, narrow, labels, picture }} />
          {!grouped && picture.n > 1 && (
            <ellipse className="ring-line" cx={ring.cx} cy={ring.cy} rx={ring.rx} ry={ring.ry} />
          )}
          {!tier.bundled && <LinkShapes graph={graph} emphasisOf={emphasisOf} />}
          <PodLabels graph={graph} labels={labels} lines={lines} picture={picture} />
          <PodNodes {...{ graph, picture, nowMs, cursor, onCursor }} onSelect={select} />
          <LinkPills graph={graph} props={props} words={words} />
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
function useLabels(graph: Graph): Label[] {
  const labels = useMemo(() => labelsOf(graph), [graph]);
  const kept = useRef(labels);
  if (JSON.stringify(labels) !== JSON.stringify(kept.current)) kept.current = labels;
  return kept.current;
}

function LinkShapes({ graph, emphasisOf }: { graph: Graph; emphasisOf: EmphasisOf }) {
  const { links, tier, marked, dropped } = graph;
  const hasBad = links.some(({ state }) => state === 'failed' || state === 'slow');
  const look = { weight: tier.weight, marked, dropped };
  return (
    <g className={`graph-links${hasBad ? ' has-bad' : ''}`}>
      {links.map((link) => (
        <LinkShape key={link.pair} link={link} emphasis={emphasisOf(link)} {...look} />
      ))}
    </g>
  );
}
