import { type ReactNode, useRef } from 'react';
import { GROUPS, type GroupBy, LEVELS, type Level, MAX_FILTER, reportPath, VALUE_PHASES } from '../model/address.ts';
import type { ValueKind, ValuePhase } from '../model/cells.ts';
import { shownName } from '../model/names.ts';
import type { ViewProps } from './view-props.ts';
import './menu.css';

interface PickProps<T extends string> {
  label: string;
  value: T;
  of: readonly T[];
  text?: (option: T) => string;
  onChange: (value: T) => void;
  disabled?: boolean;
}

/** A choice of one text out of some, with a label before it. */
export function Pick<T extends string>({ label, value, of, text = String, onChange, disabled = false }: PickProps<T>) {
  return (
    <label className="choice field" data-disabled={disabled}>
      <span>{label}</span>
      <select value={value} disabled={disabled} onChange={(event) => onChange(event.target.value as T)}>
        {of.map((option) => (
          <option key={option} value={option}>
            {text(option)}
          </option>
        ))}
      </select>
    </label>
  );
}

const PHASE_NAMES: Record<ValuePhase, string> = { total: 'total', connect: 'connect', 'first-byte': 'first byte' };
const SHOWN = ['last', 'p50/60000', 'p95/60000', 'max/60000', 'p50/300000', 'p95/300000', 'max/300000'];
/** Fewer pods than this have no levels worth a choice. */
const LEAST_PODS = 3;

interface ViewMenuProps {
  props: ViewProps;
  group: GroupBy;
  /** Values that only this view shows, by their names. */
  values?: Readonly<Partial<Record<ValueKind, string>>>;
  children?: ReactNode;
}

/** What the graph and the heatmap show: the newest latency or a statistic over a window, of the total or a phase; and how. */
export function ViewMenu({ props, group, values = {}, children }: ViewMenuProps) {
  const { value, phase, level, picture } = props;
  const { fold } = picture;
  const isLatency = value === 'p50' || value === 'p95' || value === 'max';
  // What only another view shows is the newest latency here.
  const shown = isLatency ? `${value}/${props.windowMs}` : value in values ? value : 'last';
  const show = (choice: string) => {
    const [kind, windowMs] = choice.split('/');
    props.onChange({ value: kind as ValueKind, windowMs: Number(windowMs ?? props.windowMs) });
  };
  const autoLevel = level === 'auto' ? `auto (${fold?.level ?? 'pod'})` : 'auto';
  const autoGroup = group === 'none' || props.group !== 'none' ? 'auto' : `auto (${group})`;
  return (
    <Menu name="View">
      <Pick
        label="Show"
        value={shown}
        of={[...SHOWN, ...Object.keys(values)]}
        text={(choice) =>
          values[choice as ValueKind] ?? choice.replace('/60000', ', 1 min').replace('/300000', ', 5 min')
        }
        onChange={show}
      />
      <Pick
        label="Phase"
        value={shown === 'last' ? phase : 'total'}
        of={VALUE_PHASES}
        text={(option) => PHASE_NAMES[option]}
        onChange={(next) => props.onChange({ phase: next })}
        disabled={shown !== 'last'}
      />
      {(fold?.pods ?? picture).n >= LEAST_PODS && (
        <Pick<Level>
          label="Level"
          value={level}
          of={LEVELS}
          text={(option) => (option === 'auto' ? autoLevel : option)}
          onChange={(next) => props.onChange({ level: next, unfolded: [] })}
        />
      )}
      <Pick
        label="Group"
        value={props.group}
        of={GROUPS}
        text={(option) => (option === 'none' ? autoGroup : option)}
        onChange={(next) => props.onChange({ group: next })}
      />
      {children}
    </Menu>
  );
}

export function Filter({ props }: { props: ViewProps }) {
  return (
    <input
      className="tool-filter"
      data-filter
      type="search"
      aria-label="Filter links by pod, node or zone of either end"
      title="Pod, node or zone of either end. Also from:…, to:…, pod:…, node:…, zone:…, state:failed"
      placeholder="Filter links"
      value={props.filter}
      maxLength={MAX_FILTER}
      onChange={(event) => props.onFilter(event.target.value)}
    />
  );
}

export function TableButton({ props: { asTable, onChange } }: { props: ViewProps }) {
  return (
    <button type="button" aria-pressed={asTable} onClick={() => onChange({ asTable: !asTable })}>
      Table
    </button>
  );
}

export function UnfoldedGroups({ props: { picture, onChange } }: { props: ViewProps }) {
  const { level = 'pod', unfolded = [] } = picture.fold ?? {};
  // From then on the reader decides on the level: otherwise `auto` would unfold the group again.
  const fold = (key: string) => onChange({ level, unfolded: unfolded.filter((other) => other !== key) });
  return unfolded.map((key) => (
    <button key={key} type="button" className="quiet" aria-label={`Fold ${nameOf(key)}`} onClick={() => fold(key)}>
      {nameOf(key)} ×
    </button>
  ));
}

function nameOf(key: string): string {
  const name = key.slice(key.indexOf(':') + 1);
  return name === '' ? 'unknown' : shownName(name);
}

/** The range of the report, and the range before it that it is compared with, ms. */
const REPORT_MS = 300_000;

export const loadTable = () => import('./link-table.tsx');
export const loadExport = () => import('./export.ts');

/** Files and addresses of what the view shows. `onPng`: null where there is no picture. */
export function ExportMenu({ props, onPng }: { props: ViewProps; onPng: (() => void) | null }) {
  const toMs = Math.round(props.nowMs);
  const ranges = [2, 1].map((back) => ({ fromMs: toMs - back * REPORT_MS, toMs: toMs - (back - 1) * REPORT_MS }));
  return (
    <Menu name="Export">
      <button type="button" onClick={() => onPng?.()} disabled={onPng === null}>
        Image (PNG)
      </button>
      <button type="button" onClick={() => void loadExport().then(({ saveCsv }) => saveCsv(props))}>
        All links (CSV)
      </button>
      <a className="button" href={reportPath(ranges, [])} target="_blank" rel="noreferrer">
        Report of the last 5 min
      </a>
      <button type="button" onClick={() => void import('./next-steps.tsx').then(({ copy }) => copy(location.href))}>
        Copy link to this view
      </button>
    </Menu>
  );
}

/** A button that opens a small panel of controls below it. It closes with Esc, a click elsewhere, or when focus leaves. */
function Menu({ name, children }: { name: string; children: ReactNode }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => {
    if (menu.current !== null) menu.current.open = false;
  };
  return (
    <details
      className="tool-menu"
      ref={menu}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (relatedTarget instanceof Node && !currentTarget.contains(relatedTarget)) close();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || menu.current?.open !== true) return;
        // The page would also close its side panel.
        event.stopPropagation();
        close();
        menu.current.querySelector('summary')?.focus();
      }}
    >
      <summary className="button">{name}</summary>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: a press of Enter on the button inside is a click */}
      <div
        className="menu-items card"
        onClick={({ target }) => {
          if (target instanceof Element && target.closest('button, a') !== null) close();
        }}
      >
        {children}
      </div>
      <div className="menu-outside" aria-hidden="true" onPointerDown={close} />
    </details>
  );
}
