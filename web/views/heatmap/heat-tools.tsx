import type { ViewProps } from '../../components/view-props.ts';
import { ExportMenu, Filter, Pick, TableButton, UnfoldedGroups, ViewMenu } from '../../components/view-tools.tsx';
import { type GroupBy, ORDERS, type OrderBy } from '../../model/address.ts';
import { FIGURE_CHOICES } from '../../model/figure-words.ts';
import { isFigure } from '../../model/figures.ts';
import { NAME_CHOICES, type NameChoice } from '../../model/heat-layout.ts';

interface HeatToolsProps {
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
}

const ORDER_NAMES: Record<OrderBy, string> = {
  name: 'name',
  node: 'node, name',
  zone: 'zone, node',
  'worst-row': 'worst target',
  'worst-column': 'worst source',
};

/** The tools above the heatmap. */
export function HeatTools({ props, group, names, onNames, fit, onFit, onResort, onPng }: HeatToolsProps) {
  const { order, onOrder, asTable, value, onValue } = props;
  return (
    <div className="tools">
      <ViewMenu props={props} group={group} values={FIGURE_CHOICES}>
        <Pick label="Order" value={order} of={ORDERS} text={(option) => ORDER_NAMES[option]} onChange={onOrder} />
        <Pick label="Names" value={names} of={NAME_CHOICES} onChange={onNames} />
      </ViewMenu>
      <Filter props={props} />
      {isFigure(value) ? (
        <button
          type="button"
          className="quiet"
          aria-label={`Show latencies instead of: ${FIGURE_CHOICES[value]}`}
          onClick={() => onValue('last')}
        >
          {FIGURE_CHOICES[value]} ×
        </button>
      ) : null}
      <UnfoldedGroups props={props} />
      {onResort === null ? null : (
        <button type="button" onClick={onResort}>
          Re-sort
        </button>
      )}
      <div className="tools-end">
        {fit === null ? null : (
          <button type="button" aria-pressed={fit} onClick={() => onFit(!fit)}>
            Fit to window
          </button>
        )}
        <TableButton props={props} />
        <ExportMenu props={props} onPng={asTable ? null : onPng} />
      </div>
    </div>
  );
}
