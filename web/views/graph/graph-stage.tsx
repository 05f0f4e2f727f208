import { useMemo } from 'react';
import { plural } from '../../../server/runtime/count-text.ts';
import { Late } from '../../components/late.tsx';
import { cellSentence } from '../../model/messages.ts';
import { LinkCanvas } from './canvas.tsx';
import { ExternalMarks } from './external-marks.tsx';
import { GraphCard } from './graph-card.tsx';
import { placedLabels } from './labels.ts';
import { LinkPills, LinkShapes } from './links.tsx';
import { type Cursor, PodLabels, PodNodes } from './pods.tsx';
import { RingArcs } from './ring-arcs.tsx';
import { type StageRequest, useStage } from './use-stage.ts';

/** Loads the code of the bundles. They are drawn after everything else, and never among few pods. */
export const loadBundles = () => import('./bundle-canvas.tsx');

interface GraphStageProps extends StageRequest {
  size: { width: number; height: number };
  onCursor: (cursor: Cursor | null) => void;
}

/** The graph, layer by layer: bundles, links and dots on canvases, then the SVG, and the card on top. */
export function GraphStage({ size, onCursor, ...request }: GraphStageProps) {
  const { props, graph, zoom, stage, cursor } = request;
  const { picture, nowMs, theme } = props;
  const { select, handlers, isPointing, hot, at, emphasisOf } = useStage(request);
  const pair = cursor?.pair ?? -1;
  const layer = { graph, zoom, size, theme };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `select` follows `props`. The scene stays while it is only zoomed.
  const scene = useMemo(() => {
    const { ring, tier, grouped } = graph;
    const labels = placedLabels(graph, picture, nowMs);
    const words = labels.map(({ box }) => box);
    return (
      <>
        <ExternalMarks graph={graph} words={words} />
        <RingArcs graph={graph} labels={labels} picture={picture} />
        {!grouped && picture.n > 1 && (
          <ellipse className="ring-line" cx={ring.cx} cy={ring.cy} rx={ring.rx} ry={ring.ry} />
        )}
        {!tier.bundled && <LinkShapes graph={graph} emphasisOf={emphasisOf} />}
        <PodLabels labels={labels} picture={picture} />
        <PodNodes graph={graph} picture={picture} nowMs={nowMs} cursor={cursor} onCursor={onCursor} onSelect={select} />
        <LinkPills graph={graph} props={props} words={words} />
      </>
    );
  }, [props, graph, cursor, onCursor, emphasisOf]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a picture with focusable pods in it; fieldset would say something else
    <div
      ref={stage}
      className={`graph-stage${isPointing ? ' is-pointing' : ''}`}
      role="group"
      aria-label={`Graph of ${plural(picture.n, 'pod')} and their links`}
      {...handlers}
    >
      {graph.tier.bundled && (
        <>
          <Late load={loadBundles}>{({ BundleCanvas }) => <BundleCanvas {...layer} />}</Late>
          <LinkCanvas {...layer} picture={picture} emphasisOf={emphasisOf} />
        </>
      )}
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the stage around it has the name, and each pod in it its own */}
      <svg className="graph-svg" width={size.width} height={size.height}>
        <defs>
          <pattern id="pod-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="6" height="6" fill="var(--unknown-ground)" />
            <rect width="3" height="6" fill="var(--unknown-hatch)" />
          </pattern>
        </defs>
        <g transform={`translate(${zoom.x},${zoom.y}) scale(${zoom.k})`}>{scene}</g>
      </svg>
      {hot !== null && at !== null && <GraphCard props={props} hit={hot} at={at} size={size} />}
      <p className="hidden" role="status">
        {pair >= 0 ? cellSentence(picture, Math.floor(pair / picture.n), pair % picture.n) : ''}
      </p>
    </div>
  );
}
