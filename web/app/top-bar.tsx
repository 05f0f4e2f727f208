import './top-bar.css';
import type { MouseEvent, ReactNode } from 'react';
import { type ConnectionState, POLL_MS } from '../data/connection.ts';
import { type Address, VIEWS, type ViewName, writeAddress } from '../model/address.ts';
import { spanText } from '../model/format.ts';
import { shownName } from '../model/names.ts';
import type { headlineOf } from './changes.ts';
import { Icon, Sign } from './icons.tsx';
import { useSeconds } from './notice-list.tsx';
import type { Stage } from './notices.ts';
import { useMedia } from './preferences.ts';

const TITLES: Record<ViewName, string> = { graph: 'Graph', heatmap: 'Heatmap', raw: 'Raw', metrics: 'Metrics' };

/** A setting in the menu: `options` are its values and their names. */
interface MenuChoice<T extends string = never> {
  label: string;
  value: string;
  options: Record<string, string>;
  onChoose(value: T): void;
}

interface TopBarProps {
  address: Address;
  onView(view: ViewName): void;
  /** Connection status and age of the data. */
  status: ReactNode;
  /** Name of the serving pod; '' = unknown. */
  servedBy: string;
  /** The reader's preferences. */
  choices: readonly MenuChoice[];
  onHelp(): void;
}

/** Views, status, serving pod, help, and a menu of preferences. Below 1024 px serving pod and help are in the menu. */
export function TopBar({ address, onView, status, servedBy, choices, onHelp }: TopBarProps) {
  const served = servedBy === '' ? null : <ServedBy name={servedBy} />;
  return (
    <header className="top-bar">
      <a className="brand" href={writeAddress({ ...address, selection: null, view: 'graph' })}>
        <Sign />
        goldpinger
      </a>
      <nav aria-label="Views">
        {VIEWS.map((view) => (
          <a
            key={view}
            href={writeAddress({ ...address, view })}
            aria-current={view === address.view ? 'page' : undefined}
            onClick={(event) => follow(event, () => onView(view))}
          >
            {TITLES[view]}
          </a>
        ))}
      </nav>
      <div className="top-end">
        {status}
        <span className="top-end wide-only">
          {served}
          <button type="button" className="quiet" onClick={onHelp} aria-label="Help">
            <span aria-hidden="true">? </span>Help
          </button>
        </span>
        <button type="button" className="quiet menu" aria-label="Preferences" popoverTarget="menu-sheet">
          <Icon name="menu" />
        </button>
        <div id="menu-sheet" popover="auto" className="card">
          <span className="narrow-only">{served}</span>
          {choices.map((choice) => (
            <MenuSelect key={choice.label} choice={choice} />
          ))}
          <FullScreen />
          <button type="button" popoverTarget="menu-sheet" popoverTargetAction="hide" onClick={onHelp}>
            Help and keys
          </button>
        </div>
      </div>
    </header>
  );
}

function MenuSelect({ choice: { label, value, options, onChoose } }: { choice: MenuChoice }) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChoose(event.target.value as never)}>
        {Object.entries(options).map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A button for a screen on a wall. Absent where the browser has no full screen (iPhone, some frames). */
function FullScreen() {
  const isFull = useMedia('(display-mode: fullscreen)');
  if (!document.fullscreenEnabled) return null;
  const toggle = () => (isFull ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  return (
    <button type="button" popoverTarget="menu-sheet" popoverTargetAction="hide" onClick={() => void toggle()}>
      {isFull ? 'Leave full screen' : 'Full screen'}
    </button>
  );
}

/** Follows a link within the page. With Ctrl, Shift or the middle button the browser handles it. */
function follow(event: MouseEvent, go: () => void): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go();
}

function ServedBy({ name }: { name: string }) {
  return (
    <span className="served-by" title={shownName(name)}>
      <span className="served-words">Data from </span>
      <strong>
        <bdi>{shownName(name)}</bdi>
      </strong>
    </span>
  );
}

/** Shows whether the data are live, and their age if they are late. The dot has the colour of the headline. */
export function LiveStatus({ state, stage, headline }: LiveStatusProps) {
  const pageMs = useSeconds(500);
  const { kind, title, age } = connectionWords(state, stage, pageMs);
  const tone = kind === 'live' ? headline.tone : kind;
  return (
    <span className={`live-status is-${tone}`} title={headline.words}>
      <span className="live-dot" aria-hidden="true" />
      <span>
        <strong>{title}</strong>
        {age === '' ? null : `, ${age}`}
      </span>
    </span>
  );
}

interface LiveStatusProps {
  state: ConnectionState;
  stage: Stage;
  headline: ReturnType<typeof headlineOf>;
}

/** Data are late after two refresh intervals, or three polls, and this time, ms. */
const LATE_MS = 5_000;

/** The texts of the connection. The age is '' unless the data are late. `pageMs`: monotonic time. */
export function connectionWords({ mesh, status, receivedMs }: ConnectionState, stage: Stage, pageMs: number) {
  if (mesh === null) return { kind: 'waiting', title: status === 'lost' ? 'Disconnected' : 'Connecting', age: '' };
  const ageMs = mesh.ageMs + Math.max(0, pageMs - receivedMs);
  const age = spanText(ageMs);
  if (status === 'lost') return { kind: 'lost', title: 'Disconnected', age: `data ${age} old` };
  if (stage === 'forbidden') return { kind: 'failed', title: 'No permission', age: '' };
  if (stage === 'waiting') {
    return { kind: 'waiting', title: 'Waiting', age: spanText(mesh.atMs + ageMs - mesh.discovery.sinceMs) };
  }
  const isPolling = status === 'polling';
  const isLate = ageMs > LATE_MS + (isPolling ? 3 * POLL_MS : 2 * mesh.settings.refreshIntervalMs);
  if (isPolling) return { kind: 'waiting', title: 'Polling every 5 s', age: isLate ? `data ${age} old` : '' };
  return { kind: isLate ? 'waiting' : 'live', title: 'Live', age: isLate ? `data ${age} old` : '' };
}
