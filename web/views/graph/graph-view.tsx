import './graph.css';
import { memo, type RefObject, useCallback, useMemo, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { useShortcuts } from '../../components/keys.ts';
import { Late } from '../../components/late.tsx';
import { useSize } from '../../components/use-size.ts';
import type { ViewProps } from '../../components/view-props.ts';
import {
  ExportMenu,
  Filter,
  loadExport,
  loadTable,
  TableButton,
  UnfoldedGroups,
  ViewMenu,
} from '../../components/view-tools.tsx';
import { ChoicePanel } from './choice-panel.tsx';
import type { Point } from './geometry.ts';
import { GraphLegend } from './graph-legend.tsx';
import { GraphStage } from './graph-stage.tsx';
import type { Cursor } from './pods.tsx';
import { isTight } from './scene.ts';
import { type GraphLinks, useGraph, useGraphLinks } from './use-graph.ts';
import { type Moved, placeAt, useMoved } from './use-moved.ts';
import { type GraphZoom, useZoom } from './use-zoom.tsx';

/** By how much one press of + or − enlarges or shrinks the graph. */
const ZOOM_STEP = 1.25;

/**
 * Pods on a ring and their links: each on its own among few pods; otherwise failed and slow ones above bundles of the healthy
 * ones.
 */
export function GraphView(props: ViewProps) {
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const links = useGraphLinks(props, cursor?.pod ?? -1);
  const stage = useRef<HTMLDivElement>(null);
  const [zoom, percent] = useZoom(stage, !props.asTable);
  const { moved, move, reset } = useMoved();
  const onReset = useCallback(() => {
    zoom.reset();
    reset();
  }, [zoom, reset]);
  useShortcuts('graph', props.letterKeys && !props.asTable, {
    zoomIn: () => zoom.by(ZOOM_STEP),
    zoomOut: () => zoom.by(1 / ZOOM_STEP),
    zoomReset: onReset,
  });
  // Memoised, because they do not change while a pod is dragged.
  const tools = useMemo(() => {
    const onPng = () => void saveStage(stage.current, props);
    return <GraphTools props={props} zoom={zoom} percent={percent} onReset={onReset} onPng={onPng} />;
  }, [props, zoom, percent, onReset]);
  const panel = useMemo(() => <ChoicePanel props={props} links={links} />, [props, links]);
  return (
    <div className="graph-view">
      {tools}
      {props.asTable ? (
        <Late load={loadTable}>
          {({ LinkTable }) => (
            <LinkTable
              props={props}
              pairs={links.pairs}
              choice={`${props.filter} ${props.only} ${links.limit} ${links.pod}`}
              targets={links.targets}
            />
          )}
        </Late>
      ) : (
        <GraphPicture {...{ props, links, stage, zoom, moved, move, cursor }} onCursor={setCursor} />
      )}
      {props.selection === null && props.panelSlot !== null && createPortal(panel, props.panelSlot)}
    </div>
  );
}

async function saveStage(stage: HTMLElement | null, props: ViewProps): Promise<void> {
  const [{ savePng }, { stageImage }] = await Promise.all([loadExport(), import('./stage-image.ts')]);
  if (stage !== null) await savePng(stageImage(stage), props);
}

interface GraphPictureProps {
  props: ViewProps;
  links: GraphLinks;
  stage: RefObject<HTMLDivElement | null>;
  zoom: GraphZoom;
  moved: Moved;
  move: (uid: string, place: Point) => void;
  cursor: Cursor | null;
  onCursor: (cursor: Cursor | null) => void;
}

/** Memoised, because zooming renders the tools with every step. */
const GraphPicture = memo(function GraphPicture(graphProps: GraphPictureProps) {
  const { props: given, links, stage, zoom, moved, move, ...focus } = graphProps;
  const size = useSize(stage);
  const narrow = given.narrow || (size.width > 0 && isTight(size.width, given.picture.n, links.targets.length));
  const props = useMemo(() => ({ ...given, narrow }), [given, narrow]);
  const graph = useGraph(props, links, size, moved);
  const onMove = (uid: string, point: Point) => move(uid, placeAt(point, graph.ring));
  const legend = useMemo(() => <GraphLegend props={props} links={links} />, [props, links]);
  return (
    <>
      <div className="graph-scroll">
        <GraphStage props={props} graph={graph} zoom={zoom} size={size} stage={stage} onMove={onMove} {...focus} />
      </div>
      {legend}
    </>
  );
});

/** The tools above the graph. */
function GraphTools(tools: {
  props: ViewProps;
  zoom: GraphZoom;
  percent: number;
  onReset: () => void;
  onPng: () => void;
}) {
  const { props, zoom, percent, onReset, onPng } = tools;
  return (
    <div className="tools graph-tools">
      <ViewMenu props={props} group={props.group} />
      <Filter props={props} />
      <UnfoldedGroups props={props} />
      <div className="tools-end">
        {!props.asTable && (
          <>
            <span className="zoom-tools">
              <button type="button" className="quiet" aria-label="Zoom out" onClick={() => zoom.by(1 / ZOOM_STEP)}>
                −
              </button>
              <output aria-label="Zoom">{percent} %</output>
              <button type="button" className="quiet" aria-label="Zoom in" onClick={() => zoom.by(ZOOM_STEP)}>
                +
              </button>
            </span>
            <button type="button" className="is-wide" onClick={onReset}>
              Reset
            </button>
          </>
        )}
        <TableButton props={props} />
        <ExportMenu props={props} onPng={props.asTable ? null : onPng} />
      </div>
    </div>
  );
}
