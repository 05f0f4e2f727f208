import './top-bar.css';
import type { MouseEvent, ReactNode } from 'react';
import { type Address, VIEWS, type ViewName, writeAddress } from '../model/address.ts';
import { shownName } from '../model/names.ts';
import { Icon, Sign } from './icons.tsx';
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
  status: ReactNode;
  servedBy: string;
  choices: readonly MenuChoice[];
  onHelp(): void;
}

/** Views, status, serving pod, help, and a menu of preferences. Below 1024 px serving pod and help are in the menu. */
export function TopBar({ address, onView, status, servedBy, choices, onHelp }: TopBarProps) {
  const served = servedBy === '' ? null : <ServedBy name={servedBy} />;
  return (
    <header className="top-bar">
      <a className="brand" href={writeAddress({ ...address, selection: null, view: 'graph', compare: false })}>
        <Sign />
        goldpinger
      </a>
      <nav aria-label="Views">
        {VIEWS.map((view) => (
          <a
            key={view}
            href={writeAddress({ ...address, view, compare: false })}
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
