import './heatmap.css';
import { useDeferredValue, useMemo, useReducer, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { FindingList } from '../../components/finding-list.tsx';
import { Late } from '../../components/late.tsx';
import { useSize } from '../../components/use-size.ts';
import type { ViewProps } from '../../components/view-props.ts';
import {
  ExportMenu,
  Filter,
  loadExport,
  loadTable,
  Pick,
  TableButton,
  UnfoldedGroups,
  ViewMenu,
} from '../../components/view-tools.tsx';
import { type GroupBy, ORDERS, type OrderBy } from '../../model/address.ts';
import { FIGURE_CHOICES } from '../../model/figure-words.ts';
import { isFigure } from '../../model/figures.ts';
import { findingsOfNotice } from '../../model/findings.ts';
import { NAME_CHOICES, NAMED_TO, type NameChoice } from '../../model/heat-layout.ts';
import { shownPairs } from '../../model/link-filter.ts';
import type { Arrangement } from '../../model/order.ts';
import { CalloutList } from './callout-list.tsx';
import { type Drawn, drawCalloutTexts, drawFrame } from './draw-frame.ts';
import { HeatGrid } from './heat-grid.tsx';
import { LegendPanel, PodNumbers } from './legend.tsx';
import { type HeatModel, useHeatModel } from './use-heat-model.ts';

/** Maximum number of findings, so that the legend stays visible. */
const MAX_FINDINGS = 3;

/** The heatmap of all links: column = source, row = destination. Legend and thresholds are in the side panel. */
export function HeatmapView(props: ViewProps) {
  const { picture, asTable } = props;
  const frame = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  const size = useSize(frame);
  const [fit, setFit] = useState(true);
  const [, again] = useReducer((count: number) => count + 1, 0);
  const [names, setNames] = useState<NameChoice>('auto');
  const model = useHeatModel(props, size, fit, names);
  const { arrangement, layout, order } = model;
  const resort = () => {
    order.resort();
    again();
  };
  const onPng = () => {
    const height = frame.current?.clientHeight ?? 0;
    const { current } = drawn;
    if (current === null) return;
    const { dpr, token } = current.scene;
    const draw = (ctx: CanvasRenderingContext2D) => {
      drawFrame(ctx, current.scene, current.placed);
      drawCalloutTexts(ctx, current);
    };
    const content = { name: 'heatmap' as const, width: size.width, height, dpr, token, draw };
    void loadExport().then(({ savePng }) => savePng(content, props));
  };
  return (
    <div className="heatmap">
      <HeatTools
        props={props}
        group={model.group}
        names={names}
        onNames={setNames}
        fit={layout.scrollable && arrangement.pods.length > NAMED_TO && !asTable ? fit : null}
        onFit={setFit}
        onResort={order.isOutdated ? resort : null}
        onPng={onPng}
      />
      {asTable ? <ShownLinks props={props} model={model} /> : null}
      <div className="heat-frame column" ref={frame} hidden={asTable}>
        {asTable || size.width === 0 ? null : <HeatGrid props={props} model={model} size={size} drawn={drawn} />}
        {arrangement.pods.length === 0 && picture.n > 0 && (
          <p className="heat-none second">
            No link matches “{props.filter}”.{' '}
            <button type="button" className="callout-title bare" onClick={() => props.onFilter('')}>
              Show all
            </button>
          </p>
        )}
      </div>
      {asTable || model.calloutsBeside ? null : (
        <CalloutList callouts={model.callouts} picture={picture} onSelect={props.onSelect} />
      )}
      <HeatPanel props={props} arrangement={arrangement} numbered={layout.axis === 'numbers' && !asTable} />
    </div>
  );
}

function HeatPanel(panel: { props: ViewProps; arrangement: Arrangement; numbered: boolean }) {
  const { props, arrangement, numbered } = panel;
  // Deferred, because the panel counts a million links and the heatmap matters more.
  const picture = useDeferredValue(props.picture.fold?.pods ?? props.picture);
  const { mesh } = picture;
  if (props.panelSlot === null) return null;
  return createPortal(
    <>
      <FindingList props={props} mesh={mesh} most={MAX_FINDINGS} inNotice={findingsOfNotice(mesh.findings)[0]} />
      <LegendPanel {...props} picture={picture} />
      {numbered ? <PodNumbers props={props} arrangement={arrangement} /> : null}
    </>,
    props.panelSlot,
  );
}

/** The links that the filter leaves, as a table. */
function ShownLinks({ props, model: { shown, arrangement } }: { props: ViewProps; model: HeatModel }) {
  const pairs = useMemo(() => shownPairs(shown, arrangement.pods), [shown, arrangement]);
  return (
    <Late load={loadTable}>{({ LinkTable }) => <LinkTable props={props} pairs={pairs} choice={props.filter} />}</Late>
  );
}

interface HeatToolsProps {
  props: ViewProps;
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

function HeatTools({ props, group, names, onNames, fit, onFit, onResort, onPng }: HeatToolsProps) {
  const { order, asTable, value, onChange } = props;
  return (
    <div className="tools">
      <ViewMenu props={props} group={group} values={FIGURE_CHOICES}>
        <Pick
          label="Order"
          value={order}
          of={ORDERS}
          text={(option) => ORDER_NAMES[option]}
          onChange={(next) => onChange({ order: next })}
        />
        <Pick label="Names" value={names} of={NAME_CHOICES} onChange={onNames} />
      </ViewMenu>
      <Filter props={props} />
      {isFigure(value) ? (
        <button
          type="button"
          className="quiet"
          aria-label={`Show latencies instead of: ${FIGURE_CHOICES[value]}`}
          onClick={() => onChange({ value: 'last' })}
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
