import './graph.css';
import { useCallback, useMemo, useRef, useState } from 'react';
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
import { NO_ZOOM } from './geometry.ts';
import type { ZoomControls } from './gestures.ts';
import { GraphLegend } from './graph-legend.tsx';
import { GraphStage } from './graph-stage.tsx';
import type { Cursor } from './pods.tsx';
import { isTight } from './scene.ts';
import { type GraphLinks, useGraph, useGraphLinks } from './use-graph.ts';
import { type Moved, placeAt, useMoved } from './use-moved.ts';
import { useSame } from './use-same.ts';
import type { StageRequest } from './use-stage.ts';

/** By how much one press of + or − enlarges or shrinks the graph. */
const ZOOM_STEP = 1.25;

/** Pods on a ring and their links: among few pods each on its own, otherwise the bad ones above bundles of the healthy ones. */
export function GraphView(props: ViewProps) {
  const { pods } = props.picture.mesh;
  const uids = useSame(useMemo(() => pods.map(({ uid }) => uid), [pods]));
  const [kept, setKept] = useState<{ cursor: Cursor; uids: readonly string[] } | null>(null);
  // A cursor is indexes of pods, so one of another list of pods is dropped.
  const cursor = kept?.uids === uids ? kept.cursor : null;
  const setCursor = useCallback((next: Cursor | null) => setKept(next && { cursor: next, uids }), [uids]);
  const links = useGraphLinks(props, cursor?.pod ?? -1);
  const stage = useRef<HTMLDivElement>(null);
  const controls = useRef<ZoomControls>(null);
  const [zoom, setZoom] = useState(NO_ZOOM);
  const { moved, move, reset } = useMoved();
  const zooming: Zooming = {
    percent: Math.round(zoom.k * 100),
    larger: () => controls.current?.by(ZOOM_STEP),
    smaller: () => controls.current?.by(1 / ZOOM_STEP),
    reset: () => {
      controls.current?.reset();
      reset();
    },
  };
  useShortcuts('graph', props.letterKeys && !props.asTable, {
    zoomIn: zooming.larger,
    zoomOut: zooming.smaller,
    zoomReset: zooming.reset,
  });
  // Memoised, because it does not change while a pod is dragged or the graph is zoomed.
  const panel = useMemo(() => <ChoicePanel props={props} links={links} />, [props, links]);
  return (
    <div className="graph-view">
      <GraphTools props={props} zooming={zooming} onPng={() => void saveStage(stage.current, props)} />
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
        <GraphPicture
          props={props}
          links={links}
          stage={stage}
          zoom={zoom}
          controls={controls}
          moved={moved}
          cursor={cursor}
          onMoved={move}
          onZoom={setZoom}
          onCursor={setCursor}
        />
      )}
      {props.selection === null && props.panelSlot !== null && createPortal(panel, props.panelSlot)}
    </div>
  );
}

async function saveStage(stage: HTMLElement | null, props: ViewProps): Promise<void> {
  const [{ savePng }, { stageImage }] = await Promise.all([loadExport(), import('./stage-image.ts')]);
  if (stage !== null) await savePng(stageImage(stage), props);
}

interface GraphPictureProps extends Omit<StageRequest, 'graph' | 'onMove'> {
  links: GraphLinks;
  moved: Moved;
  onMoved: ReturnType<typeof useMoved>['move'];
  onCursor: (cursor: Cursor | null) => void;
}

function GraphPicture({ props: given, links, moved, onMoved, ...rest }: GraphPictureProps) {
  const size = useSize(rest.stage);
  const narrow = given.narrow || (size.width > 0 && isTight(size.width, given.picture.n, links.targets.length));
  const props = useMemo(() => ({ ...given, narrow }), [given, narrow]);
  const graph = useGraph(props, links, size, moved);
  return (
    <>
      <div className="graph-scroll">
        <GraphStage
          {...rest}
          props={props}
          graph={graph}
          size={size}
          onMove={(uid, point) => onMoved(uid, placeAt(point, graph.ring))}
        />
      </div>
      <GraphLegend props={props} links={links} />
    </>
  );
}

/** The zoom, and what changes it by steps or puts everything back. */
interface Zooming {
  percent: number;
  larger(): void;
  smaller(): void;
  reset(): void;
}

function GraphTools({ props, zooming, onPng }: { props: ViewProps; zooming: Zooming; onPng: () => void }) {
  return (
    <div className="tools graph-tools">
      <ViewMenu props={props} group={props.group} />
      <Filter props={props} />
      <UnfoldedGroups props={props} />
      <div className="tools-end">
        {!props.asTable && (
          <>
            <span className="zoom-tools">
              <button type="button" className="quiet" aria-label="Zoom out" onClick={zooming.smaller}>
                −
              </button>
              <output aria-label="Zoom">{zooming.percent} %</output>
              <button type="button" className="quiet" aria-label="Zoom in" onClick={zooming.larger}>
                +
              </button>
            </span>
            <button type="button" className="is-wide" onClick={zooming.reset}>
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
