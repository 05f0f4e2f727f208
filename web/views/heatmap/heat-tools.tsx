import { Choice } from '../../components/choice.tsx';
import { LevelSelect, UnfoldedGroups } from '../../components/level-choice.tsx';
import { Menu } from '../../components/menu.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { GROUPS, type GroupBy, MAX_FILTER, ORDERS, type OrderBy, VALUE_PHASES } from '../../model/address.ts';
import type { ValueKind, ValuePhase } from '../../model/cells.ts';
import { NAME_CHOICES, type NameChoice } from '../../model/heat-layout.ts';
import { reportPath } from '../../model/report-path.ts';

interface ToolsProps {
  props: ViewProps;
  /** The current grouping of the axes. */
  group: GroupBy;
  names: NameChoice;
  onNames: (names: NameChoice) => void;
  /** Whether all cells are shown without scrolling; null if this makes no difference. */
  fit: boolean | null;
  onFit: (fit: boolean) => void;
  /** Sorts again; null if nothing would move. */
  onResort: (() => void) | null;
  onPng: () => void;
  onCsv: () => void;
}

const ORDER_NAMES: Record<OrderBy, string> = {
  name: 'name',
  node: 'node, name',
  zone: 'zone, node',
  'worst-row': 'worst target',
  'worst-column': 'worst source',
};
const PHASE_NAMES: Record<ValuePhase, string> = { total: 'total', connect: 'connect', 'first-byte': 'first byte' };
const SHOWN = ['last', 'p50/60000', 'p95/60000', 'max/60000', 'p50/300000', 'p95/300000', 'max/300000'] as const;

/** The tools above the heatmap. */
export function HeatTools(tools: ToolsProps) {
  const { props, fit, onFit, onResort } = tools;
  const { asTable } = props;
  return (
    <div className="tools heat-tools">
      <ViewMenu {...tools} />
      <input
        className="heat-filter"
        data-filter
        type="search"
        aria-label="Filter links by pod, node or zone of either end"
        title="Pod, node or zone of either end. Also from:…, to:…, pod:…, node:…, zone:…, state:failed"
        placeholder="Filter links"
        value={props.filter}
        maxLength={MAX_FILTER}
        onChange={(event) => props.onFilter(event.target.value)}
      />
      <UnfoldedGroups props={props} />
      {onResort === null ? null : (
        <button type="button" onClick={onResort}>
          Re-sort
        </button>
      )}
      <div className="heat-tools-end">
        {fit === null ? null : (
          <button type="button" aria-pressed={fit} onClick={() => onFit(!fit)}>
            Fit to window
          </button>
        )}
        <button type="button" aria-pressed={asTable} onClick={() => props.onAsTable(!asTable)}>
          Table
        </button>
        <ExportMenu {...tools} />
      </div>
    </div>
  );
}

interface PickProps<T extends string> {
  label: string;
  value: T;
  of: readonly T[];
  /** The text of an option; the option itself if not given. */
  text?: (option: T) => string;
  onChange: (value: T) => void;
  disabled?: boolean;
}

function Pick<T extends string>({ label, value, of, text = String, onChange, disabled = false }: PickProps<T>) {
  return (
    <Choice label={label} value={value} onChange={(wanted) => onChange(wanted as T)} disabled={disabled}>
      {of.map((option) => (
        <option key={option} value={option}>
          {text(option)}
        </option>
      ))}
    </Choice>
  );
}

/** What is shown (the newest latency or a statistic over a window, of the total or a phase), and in which order and size. */
function ViewMenu({ props, group, names, onNames }: ToolsProps) {
  const { value, phase, order } = props;
  const shown = value === 'last' ? 'last' : (`${value}/${props.windowMs}` as (typeof SHOWN)[number]);
  const show = (choice: string) => {
    const [kind = 'last', windowMs] = choice.split('/');
    props.onValue(kind as ValueKind);
    if (windowMs !== undefined) props.onWindow(Number(windowMs));
  };
  const unchosen = group === 'none' || props.group !== 'none' ? 'auto' : `auto (${group})`;
  return (
    <Menu name="View">
      <Pick
        label="Show"
        value={shown}
        of={SHOWN}
        text={(choice) => choice.replace('/60000', ', 1 min').replace('/300000', ', 5 min')}
        onChange={show}
      />
      <Pick
        label="Phase"
        value={value === 'last' ? phase : 'total'}
        of={VALUE_PHASES}
        text={(option) => PHASE_NAMES[option]}
        onChange={props.onPhase}
        disabled={value !== 'last'}
      />
      <LevelSelect props={props} />
      <Pick label="Order" value={order} of={ORDERS} text={(option) => ORDER_NAMES[option]} onChange={props.onOrder} />
      <Pick
        label="Group"
        value={props.group}
        of={GROUPS}
        text={(option) => (option === 'none' ? unchosen : option)}
        onChange={props.onGroup}
      />
      <Pick label="Names" value={names} of={NAME_CHOICES} onChange={onNames} />
    </Menu>
  );
}

/** The range of the report, and the range before it that it is compared with, ms. */
const REPORT_MS = 300_000;

function ExportMenu({ props, onPng, onCsv }: ToolsProps) {
  const toMs = Math.round(props.nowMs);
  const ranges = [2, 1].map((back) => ({ fromMs: toMs - back * REPORT_MS, toMs: toMs - (back - 1) * REPORT_MS }));
  return (
    <Menu name="Export">
      <button type="button" onClick={onPng} disabled={props.asTable}>
        Image (PNG)
      </button>
      <button type="button" onClick={onCsv}>
        All links (CSV)
      </button>
      <a href={reportPath(ranges, [])} target="_blank" rel="noreferrer">
        Report of the last 5 min
      </a>
      <CopyLink />
    </Menu>
  );
}

/** Copies the address of the page. Browsers have a clipboard for pages only if they came by HTTPS or from this computer. */
function CopyLink() {
  return (
    <button
      type="button"
      onClick={() => void navigator.clipboard.writeText(location.href)}
      disabled={navigator.clipboard === undefined}
    >
      Copy link to this view
    </button>
  );
}
