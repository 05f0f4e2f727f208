import { GROUPS, type GroupBy, MAX_FILTER, ORDERS, type OrderBy, VALUE_PHASES } from '../../pure/address.ts';
import type { ValueKind, ValuePhase } from '../../pure/picture.ts';
import type { ViewProps } from '../../view-props.ts';
import { Choice } from '../choice.tsx';

interface ToolsProps {
  props: ViewProps;
  /** What the axes are grouped by when the reader has not chosen. */
  group: GroupBy;
  /** 'fit': null where it would change nothing. */
  fit: boolean | null;
  onFit: (fit: boolean) => void;
  /** Sorts anew; null where nothing would move. */
  onSortAgain: (() => void) | null;
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

/** The row of controls above the heatmap. */
export function HeatTools(tools: ToolsProps) {
  const { props, onSortAgain } = tools;
  return (
    <div className="tools heat-tools">
      <FigureChoices props={props} />
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
      {onSortAgain === null ? null : (
        <button type="button" onClick={onSortAgain}>
          Re-sort
        </button>
      )}
      <Ways {...tools} />
    </div>
  );
}

/** Which figure is shown: the newest or one over a window, of the whole exchange or a phase. */
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

/** How pods are ordered and grouped. */
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

/** Other ways to have the same: all at once, as a table, as a file. */
function Ways({ props, fit, onFit, onPng, onCsv }: ToolsProps) {
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
