import './app.css';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { DEFAULT_THRESHOLDS } from '../../server/protocol/link-state.ts';
import type { Clock } from '../../server/runtime/clock.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { FindingList } from '../components/finding-list.tsx';
import { useShortcuts } from '../components/keys.ts';
import { Late } from '../components/late.tsx';
import { useFetched } from '../components/use-fetched.ts';
import type { ViewProps } from '../components/view-props.ts';
import { loadExport, loadTable } from '../components/view-tools.tsx';
import type { LiveFeed } from '../data/live-feed.ts';
import { MAX_FILTER, orderedThresholds, usualThresholds, type ViewName, windowOf } from '../model/address.ts';
import { sameThresholds } from '../model/cells.ts';
import { showTimesIn, TIME_ZONES, type TimeZone } from '../model/format.ts';
import type { Picture } from '../model/mesh-view.ts';
import { type RecentPoint, withPicture } from '../model/recent-points.ts';
import { loadBundles } from '../views/graph/graph-stage.tsx';
import { headlineOf, pageStatusOf } from './headline.ts';
import { useAnnouncement } from './live-region.ts';
import { LiveStatus } from './live-status.tsx';
import { MomentNotice, NoticeList } from './notice-list.tsx';
import { noticesOf, stageOf, statusSentence } from './notices.ts';
import { type Chosen, NAME_CHOICES, THEME_CHOICES, useMedia, usePreference, useTheme } from './preferences.ts';
import { SummaryBar } from './summary-bar.tsx';
import { TopBar } from './top-bar.tsx';
import { useAddress, useSelection } from './url-state.ts';
import { useFolded, usePictures } from './use-pictures.ts';
import { usePrinting } from './use-printing.ts';
import { loadDetails, loadHeatmap, ViewArea } from './view-area.tsx';

const HINTS: Record<string, string> = {
  graph: 'Lines are pings from pod to pod. Green is OK, red is not. Click a line for details.',
  heatmap: 'Cells are links from pod to pod. Column: pings sent. Row: pings received. Click a cell for details.',
};

/** A past time that could not be fetched is fetched again after this time, ms. */
const MOMENT_RETRY_MS = 5_000;

const THEME_NAMES = { system: 'System', light: 'Light', dark: 'Dark' };
const localZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Loads what fetches meshes and samples. The first picture does not need it, because the worker fetches that. */
const loadMeshClient = () => import('../data/mesh-client.ts');
const loadMesh = async (windowMs: number) => (await loadMeshClient()).fetchMesh(windowMs, new AbortController().signal);

/* Loaded when first shown, so that the first picture comes sooner. */
const loadCompare = () => import('../views/compare/compare-view.tsx');
const loadHelp = () => import('./help-dialog.tsx');
const loadTimeline = () => import('../views/timeline/timeline.tsx');

interface AppProps {
  feed: LiveFeed;
  clock: Clock;
}

export function App(props: AppProps) {
  const [chosen] = useState<Chosen>(() => new Map());
  const [zone, chooseZone] = usePreference(chosen, 'times', TIME_ZONES);
  // Before children read it.
  showTimesIn(zone);
  return <Page key={zone} {...props} chosen={chosen} zone={zone} onZone={chooseZone} />;
}

interface PageProps extends AppProps {
  chosen: Chosen;
  zone: TimeZone;
  onZone(zone: TimeZone): void;
}

/** Owns the state of URL, connection and reader's choices, and passes it to the views. */
function Page({ feed, clock, chosen, zone, onZone }: PageProps) {
  const state = useSyncExternalStore(feed.subscribe, feed.state);
  const [address, change] = useAddress();
  const [themeChoice, chooseTheme] = usePreference(chosen, 'theme', THEME_CHOICES);
  const page = useRef<HTMLDivElement>(null);
  const isPrinting = usePrinting(page);
  // Paper is white.
  const theme = useTheme(isPrinting ? 'light' : themeChoice);
  const [named, chooseNames] = usePreference(chosen, 'names', NAME_CHOICES);
  const [helpOpen, setHelpOpen] = useState(false);
  const [letterKeys, chooseLetterKeys] = usePreference(chosen, 'letterKeys', ['on', 'off']);
  const [hintRead, chooseHintRead] = usePreference(chosen, 'hintRead', ['', 'yes']);
  const [timeline, chooseTimeline] = usePreference(chosen, 'timeline', ['', 'folded']);
  const [panelSlot, setPanelSlot] = useState<HTMLElement | null>(null);
  const narrow = useMedia('(max-width: 639.98px)');
  const main = useRef<HTMLElement>(null);
  useLiveFeed(feed, windowOf(address));

  const [replay, setReplay] = useState<TimeRange | null>(null);
  const { atMs } = address;
  const moment = useFetched(
    atMs === null ? null : String(atMs),
    async (signal) => (await loadMeshClient()).fetchPastMesh(atMs ?? 0, signal),
    { retryMs: MOMENT_RETRY_MS },
  );
  const usual = usualThresholds(state.mesh?.settings.slowLinkMs ?? DEFAULT_THRESHOLDS.problemMs);
  const thresholds = address.thresholds ?? usual;
  const live = usePictures(state.mesh, address, thresholds, feed, named);
  const past = usePictures(moment.value, address, thresholds, feed, named);
  // The live picture stays, in grey, until the first past picture is loaded.
  const { overview, drawn } = moment.value === null ? live : past;
  const stage = stageOf(live.overview, state.status);
  usePreloaded(stage === 'picture' && address.view !== 'raw');
  const { select, close, takeFocus } = useSelection(address.selection, change, main);
  const points = useRecentPoints(live.overview);
  const servedMs = useMemo(
    () => (state.mesh === null ? clock.nowMs() : state.mesh.atMs + state.mesh.ageMs),
    [state.mesh, clock],
  );
  // Ages in a past mesh count to its end.
  const nowMs = moment.value === null ? servedMs : (moment.value.past?.toMs ?? moment.value.atMs + moment.value.ageMs);
  const notices = useMemo(
    () => (overview === null || stage !== 'picture' ? [] : noticesOf(overview, state.status, nowMs)),
    [overview, stage, state.status, nowMs],
  );
  const pageStatus = useMemo(() => pageStatusOf(live.overview, state.status), [live.overview, state.status]);
  const headline = headlineOf(pageStatus);
  const sentence = useAnnouncement(pageStatus, clock);

  // A comparison is in the place of a view.
  const openView = (view: ViewName) => change({ view, compare: false });
  // A comparison opens links at a past time.
  const closePanel = () => close(address.selection, address.compare ? { atMs: null } : {});
  useShortcuts('page', letterKeys === 'on', {
    graph: () => openView('graph'),
    heatmap: () => openView('heatmap'),
    raw: () => openView('raw'),
    metrics: () => openView('metrics'),
    filter: () => main.current?.querySelector<HTMLElement>('[data-filter]')?.focus(),
    table: () => change({ asTable: !address.asTable }),
    now: () => (address.atMs === null ? feed.tryNow() : change({ atMs: null })),
    close: () => (address.compare && address.selection === null ? change({ compare: false }) : closePanel()),
    help: () => setHelpOpen(true),
  });

  const props: ViewProps | null =
    drawn === null
      ? null
      : {
          ...address,
          onChange: change,
          picture: drawn,
          liveMesh: state.mesh,
          thresholds,
          onThresholds: (wanted) => {
            const ordered = orderedThresholds(wanted, thresholds);
            change({ thresholds: sameThresholds(ordered, usual) ? null : ordered });
          },
          onSelect: select,
          // A comparison shows all pods, so setting a filter leaves it.
          onFilter: (filter) => change({ filter: filter.slice(0, MAX_FILTER), compare: false }),
          onReplay: setReplay,
          lost: address.atMs === null ? state.status === 'lost' : !moment.isThere,
          theme,
          panelSlot,
          nowMs,
          narrow,
          letterKeys: letterKeys === 'on',
          loadSamples: async (from, to, signal) => {
            const { fetchSamples, samplesAgo } = await loadMeshClient();
            const samples = await fetchSamples(from, to, signal);
            return address.atMs === null ? samples : samplesAgo(samples, servedMs - address.atMs);
          },
          loadMesh: async (windowMs) => moment.value ?? loadMesh(windowMs),
        };
  const viewProps = useFolded(props, feed);
  // Panels tell how a link is, whatever figure the heatmap shows.
  const panelProps =
    props === null || overview === null || drawn?.figure === null ? props : { ...props, picture: overview };
  // A new reader must see a fault first.
  const isCalm = headline.tone === 'good' && notices.length === 0 && address.atMs === null;
  const hint = hintRead === 'yes' || !isCalm || stage !== 'picture' ? null : (HINTS[address.view] ?? null);
  return (
    <div
      ref={page}
      className={`page${(overview?.n ?? 0) > 60 ? ' is-dense' : ''}${state.status === 'lost' ? ' is-lost' : ''}${isPrinting ? ' is-paper' : ''}`}
    >
      <TopBar
        address={address}
        onView={openView}
        status={<LiveStatus state={state} stage={stage} headline={headline} />}
        servedBy={state.mesh?.servedBy.name ?? ''}
        onHelp={() => setHelpOpen(true)}
        choices={[
          { label: 'Theme', value: themeChoice, options: THEME_NAMES, onChoose: chooseTheme },
          {
            label: 'Names',
            value: named || (state.mesh?.settings.displayNodeName === true ? 'node' : 'pod'),
            options: { pod: 'Pods', node: 'Nodes' },
            onChoose: chooseNames,
          },
          { label: 'Times', value: zone, options: { local: `Local (${localZone()})`, utc: 'UTC' }, onChoose: onZone },
        ]}
      />
      {overview !== null && overview.n > 0 && (
        <SummaryBar
          picture={overview}
          filter={address.filter}
          only={address.view === 'graph' ? address.only : 'all'}
          narrow={narrow}
          onSelect={select}
          onChange={change}
        />
      )}
      <NoticeList
        statusText={overview === null || stage !== 'picture' ? '' : statusSentence(overview)}
        isFailing={headline.tone === 'failed'}
        notices={notices}
        state={state}
        moment={
          address.atMs === null ? null : (
            <MomentNotice
              atMs={address.atMs}
              nowMs={servedMs}
              moment={moment}
              historyWindowMs={state.mesh?.settings.historyWindowMs ?? 0}
              onNow={() => change({ atMs: null })}
            />
          )
        }
        onTryNow={feed.tryNow}
        onPod={(pod) => select({ pod })}
        onFilter={(filter) => change({ filter, compare: false })}
        hint={hint}
        onHintRead={() => chooseHintRead('yes')}
      />
      <ViewArea
        mainRef={main}
        view={address.view}
        stage={stage}
        state={state}
        overview={overview}
        props={panelProps}
        viewProps={viewProps}
        instead={
          address.compare && panelProps !== null ? (
            <Late load={loadCompare}>
              {({ CompareView }) => (
                <CompareView
                  props={panelProps}
                  nowMs={servedMs}
                  ranges={address.ranges}
                  onRanges={(ranges) => change({ ranges })}
                  onDone={() => change({ compare: false })}
                  expect={address.expect}
                  onExpect={(expect) => change({ expect })}
                  onOpen={(selection, atMs) => select(selection, { atMs })}
                  onOpenFilter={(filter, atMs) => change({ filter, atMs, compare: false })}
                />
              )}
            </Late>
          ) : null
        }
        paperFindings={
          isPrinting && panelProps !== null && overview !== null && !address.compare ? (
            <FindingList props={panelProps} mesh={overview.mesh} most={6} />
          ) : null
        }
        nowMs={nowMs}
        onTryNow={feed.tryNow}
        onPanelSlot={setPanelSlot}
        takeFocus={takeFocus}
        onClosePanel={closePanel}
      />
      {stage === 'picture' && (
        <Late load={loadTimeline} waiting={<div className={`timeline${timeline === 'folded' ? ' is-folded' : ''}`} />}>
          {({ Timeline }) => (
            <Timeline
              feed={feed}
              clock={clock}
              points={points}
              address={address}
              folded={timeline === 'folded'}
              nowMs={servedMs}
              onChange={change}
              isThere={moment.isThere}
              problemMs={thresholds.problemMs}
              replay={replay}
              onReplayBegun={() => setReplay(null)}
              historyWindowMs={state.mesh?.settings.historyWindowMs ?? 0}
              onFolded={(isFolded) => chooseTimeline(isFolded ? 'folded' : '')}
            />
          )}
        </Late>
      )}
      {isPrinting && (
        <footer className="paper-foot">
          {location.href}, {new Date(nowMs).toISOString()}
        </footer>
      )}
      <p className="hidden" role="status" id="changes">
        {sentence}
      </p>
      {helpOpen && (
        <Late load={loadHelp}>
          {({ HelpDialog }) => (
            <HelpDialog
              onClose={() => setHelpOpen(false)}
              letterKeys={letterKeys === 'on'}
              onLetterKeys={(isOn) => chooseLetterKeys(isOn ? 'on' : 'off')}
              version={state.mesh?.settings.version ?? ''}
            />
          )}
        </Late>
      )}
    </div>
  );
}

function usePreloaded(isTime: boolean): void {
  useEffect(() => {
    // `Late` shows a failed load when the view is opened.
    if (isTime)
      void Promise.allSettled([
        loadHeatmap(),
        loadDetails(),
        loadCompare(),
        loadHelp(),
        loadExport(),
        loadTable(),
        loadMeshClient(),
        loadBundles(),
      ]);
  }, [isTime]);
}

/** Connects while the page is open, and reconnects when the browser restores it from its cache. */
function useLiveFeed(feed: LiveFeed, windowMs: number): void {
  useEffect(() => {
    const start = () => feed.start(windowMs);
    const onShow = (event: PageTransitionEvent) => event.persisted && start();
    const onHide = () => feed.stop();
    start();
    addEventListener('pageshow', onShow);
    addEventListener('pagehide', onHide);
    return () => {
      removeEventListener('pageshow', onShow);
      removeEventListener('pagehide', onHide);
    };
  }, [feed, windowMs]);
}

function useRecentPoints(picture: Picture | null): readonly RecentPoint[] {
  // Mutated in place, because setting state would render the whole page twice per update.
  const [seen] = useState<{ picture: Picture | null; points: readonly RecentPoint[] }>(() => ({
    picture: null,
    points: [],
  }));
  if (picture !== null && picture !== seen.picture) {
    seen.picture = picture;
    seen.points = withPicture(seen.points, picture);
  }
  return seen.points;
}
