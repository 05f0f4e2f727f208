import { type ReactNode, type RefObject, useEffect, useRef } from 'react';
import { plural } from '../../server/runtime/count-text.ts';
import { Late } from '../components/late.tsx';
import type { ViewProps } from '../components/view-props.ts';
import type { ConnectionState } from '../data/connection.ts';
import type { ViewName } from '../model/address.ts';
import type { Picture } from '../model/mesh-view.ts';
import { GraphView } from '../views/graph/graph-view.tsx';
import { Icon } from './icons.tsx';
import type { Stage } from './notices.ts';
import { StageScreen } from './stage-screen.tsx';
import './side-panel.css';

export const loadHeatmap = () => import('../views/heatmap/heatmap-view.tsx');

const loadText = () => import('./text-view.tsx');
export const loadDetails = () => import('../views/details/details.tsx');

const RAW = [
  { path: 'check_all', title: 'check_all' },
  { path: 'check', title: 'check' },
  { path: 'cluster_health', title: 'cluster_health' },
  { path: 'api/v1/mesh', title: 'mesh' },
];
const METRICS = [{ path: 'metrics', title: 'metrics' }];

interface ViewAreaProps {
  mainRef: RefObject<HTMLElement | null>;
  view: ViewName;
  stage: Stage;
  state: ConnectionState;
  overview: Picture | null;
  /** For panels, and at the chosen level for the view. */
  props: ViewProps | null;
  viewProps: ViewProps | null;
  instead: ReactNode;
  paperFindings: ReactNode;
  nowMs: number;
  onTryNow(): void;
  onPanelSlot(slot: HTMLElement | null): void;
  takeFocus: boolean;
  onClosePanel(): void;
}

export function ViewArea(area: ViewAreaProps) {
  const { mainRef, view, stage, props } = area;
  const isText = view === 'raw' || view === 'metrics';
  const drawn = stage === 'picture' && !isText ? props : null;
  return (
    <div className="view-area">
      <main ref={mainRef} tabIndex={-1} className={`view view-${view}${props?.lost === true ? ' is-lost' : ''}`}>
        <MainView {...area} />
      </main>
      {drawn !== null && area.paperFindings !== null && <aside className="paper-findings">{area.paperFindings}</aside>}
      {drawn !== null && <Panel {...area} props={drawn} />}
    </div>
  );
}

function MainView({ view, stage, state, overview, viewProps: props, instead, nowMs, onTryNow }: ViewAreaProps) {
  if (view === 'raw' || view === 'metrics') {
    const [heading, sources] = view === 'raw' ? ['Raw responses', RAW] : ['Metrics', METRICS];
    const of = {
      heading,
      sources,
      servedBy: state.mesh?.servedBy.name ?? '',
      isPast: (props?.picture.mesh.past ?? null) !== null,
    };
    return <Late load={loadText}>{({ TextView }) => <TextView key={view} {...of} />}</Late>;
  }
  if (stage !== 'picture' || props === null) {
    const words = stage === 'picture' ? 'connecting' : stage;
    return <StageScreen stage={words} state={state} picture={overview} nowMs={nowMs} onTryNow={onTryNow} />;
  }
  if (instead !== null) {
    return (
      <>
        <h1 className="hidden">Comparison</h1>
        {instead}
      </>
    );
  }
  return (
    <>
      <h1 className="hidden">
        {view === 'heatmap' ? 'Heatmap' : 'Graph'} of {plural(overview?.n ?? 0, 'pod')}
      </h1>
      {view === 'heatmap' ? (
        <Late load={loadHeatmap}>{({ HeatmapView }) => <HeatmapView {...props} />}</Late>
      ) : (
        <GraphView {...props} />
      )}
    </>
  );
}

function Panel({ props, instead, onPanelSlot, takeFocus, onClosePanel }: ViewAreaProps & { props: ViewProps }) {
  const { selection } = props;
  return (
    <>
      {/* The view fills it with a portal. That of a comparison stays mounted, so that its inputs survive a selection. */}
      {(selection === null || instead !== null) && (
        <aside
          key={instead === null ? 'view' : 'compare'}
          className="side-panel"
          aria-label="Legend and settings"
          ref={onPanelSlot}
          hidden={selection !== null}
        />
      )}
      {selection !== null && (
        <SelectionPanel
          selectionKey={'pod' in selection ? selection.pod : `${selection.from} ${selection.to}`}
          takeFocus={takeFocus}
          onClose={onClosePanel}
        >
          <Late load={loadDetails}>{({ Details }) => <Details {...props} />}</Late>
        </SelectionPanel>
      )}
    </>
  );
}

interface SelectionPanelProps {
  /** Identifies the selection. Focus moves to the panel when it changes, unless the URL selected it. */
  selectionKey: string;
  takeFocus: boolean;
  onClose(): void;
  children: ReactNode;
}

/** The side panel of a selected link or pod. Its heading has the id `panel-title`. */
function SelectionPanel({ selectionKey, takeFocus, onClose, children }: SelectionPanelProps) {
  const frame = useRef<HTMLElement>(null);
  useEffect(() => {
    if (takeFocus && selectionKey !== '') frame.current?.focus({ preventScroll: true });
  }, [selectionKey, takeFocus]);
  return (
    <aside className="side-panel is-selection" ref={frame} tabIndex={-1} aria-labelledby="panel-title">
      <button type="button" className="quiet panel-close" aria-label="Close" onClick={onClose}>
        <Icon name="cross" />
      </button>
      {children}
    </aside>
  );
}
