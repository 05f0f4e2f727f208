import { Choice } from '../../components/choice.tsx';
import { LevelChoice } from '../../components/level-choice.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { GROUPS, type GroupBy, MAX_FILTER, ORDERS, type OrderBy, VALUE_PHASES } from '../../model/address.ts';
import type { ValueKind, ValuePhase } from '../../model/cells.ts';

interface ToolsProps {
  props: ViewProps;
  /** The current grouping of the axes. */
  group: GroupBy;
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
  const { props, onResort } = tools;
  return (
    <div className="tools heat-tools">
      <FigureChoices props={props} />
      <LevelChoice props={props} />
      <OrderChoices props={props} group={tools.group} />
      <input
        className="heat-filter"
        data-filter
        type="search"
        aria-label="Filter pods or nodes"
        placeholder={props.narrow ? 'Filter' : 'Filter pods or nodes'}
        value={props.filter}
        maxLength={MAX_FILTER}
        onChange={(event) => props.onFilter(event.target.value)}
      />
      {onResort === null ? null : (
        <button type="button" onClick={onResort}>
          Re-sort
        </button>
      )}
      <OutputTools {...tools} />
    </div>
  );
}

/** Selects the shown latency: the newest one or a statistic over a window, of the total or a phase. */
function FigureChoices({ props }: { props: ViewProps }) {
  const shown = props.value === 'last' ? 'last' : `${props.value}/${props.windowMs}`;
  const show = (choice: string) => {
    const [value = 'last', windowMs] = choice.split('/');
    props.onValue(value as ValueKind);
    if (windowMs !== undefined) props.onWindow(Number(windowMs));
  };
  return (
    <>
      <Choice label="Show" value={shown} onChange={show}>
        {SHOWN.map((choice) => (
          <option key={choice} value={choice}>
            {choice.replace('/60000', ', 1 min').replace('/300000', ', 5 min')}
          </option>
        ))}
      </Choice>
      {props.narrow ? null : (
        <Choice
          label="Phase"
          value={props.value === 'last' ? props.phase : 'total'}
          onChange={(phase) => props.onPhase(phase as ValuePhase)}
          disabled={props.value !== 'last'}
        >
          {VALUE_PHASES.map((phase) => (
            <option key={phase} value={phase}>
              {PHASE_NAMES[phase]}
            </option>
          ))}
        </Choice>
      )}
    </>
  );
}

/** Selects order and grouping of the pods. */
function OrderChoices({ props, group }: { props: ViewProps; group: GroupBy }) {
  const unchosen = group === 'none' || props.group !== 'none' ? 'auto' : `auto (${group})`;
  return (
    <>
      <Choice label="Order" value={props.order} onChange={(order) => props.onOrder(order as OrderBy)}>
        {ORDERS.map((order) => (
          <option key={order} value={order}>
            {ORDER_NAMES[order]}
          </option>
        ))}
      </Choice>
      {props.narrow ? null : (
        <Choice label="Group" value={props.group} onChange={(chosen) => props.onGroup(chosen as GroupBy)}>
          {GROUPS.map((name) => (
            <option key={name} value={name}>
              {name === 'none' ? unchosen : name}
            </option>
          ))}
        </Choice>
      )}
    </>
  );
}

/** Buttons for fit, table and downloads. */
function OutputTools({ props, fit, onFit, onPng, onCsv }: ToolsProps) {
  const { asTable } = props;
  return (
    <div className="heat-tools-end">
      {fit === null ? null : (
        <button type="button" aria-pressed={fit} onClick={() => onFit(!fit)}>
          Fit to window
        </button>
      )}
      <button type="button" aria-pressed={asTable} onClick={() => props.onAsTable(!asTable)}>
        Table
      </button>
      <button type="button" onClick={onPng} disabled={asTable}>
        PNG
      </button>
      <button type="button" onClick={onCsv}>
        CSV
      </button>
    </div>
  );
}
