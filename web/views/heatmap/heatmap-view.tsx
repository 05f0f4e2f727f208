import './heatmap.css';
import { useDeferredValue, useReducer, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { FindingList } from '../../components/finding-list.tsx';
import { useSize } from '../../components/use-size.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { ORDERS } from '../../model/address.ts';
import { NAMED_TO, type NameChoice } from '../../model/heat-layout.ts';
import type { Arrangement } from '../../model/order.ts';
import { CalloutList } from './callout-list.tsx';
import type { Drawn } from './draw-frame.ts';
import { saveCsv, savePng } from './export.ts';
import { HeatGrid } from './heat-grid.tsx';
import { HeatTools } from './heat-tools.tsx';
import { LegendPanel } from './legend.tsx';
import { HeatTable, PodNumbers } from './table.tsx';
import { useHeatModel } from './use-heat-model.ts';

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
    if (drawn.current !== null) void savePng(drawn.current, { width: size.width, height }, props);
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
        onCsv={() => void saveCsv(props)}
      />
      {asTable ? <HeatTable props={props} model={model} /> : null}
      <div className="heat-frame" ref={frame} hidden={asTable}>
        {asTable || size.width === 0 ? null : (
          <HeatGrid
            props={props}
            model={model}
            size={size}
            drawn={drawn}
            onOrderStep={(step) => stepOrder(props, step)}
          />
        )}
        {arrangement.pods.length === 0 && picture.n > 0 ? <NoMatch props={props} /> : null}
      </div>
      {asTable || model.calloutsBeside ? null : (
        <CalloutList callouts={model.callouts} picture={picture} onSelect={props.onSelect} />
      )}
      <HeatPanel props={props} arrangement={arrangement} numbered={layout.axis === 'numbers' && !asTable} />
    </div>
  );
}

function stepOrder({ order, onOrder }: ViewProps, step: 1 | -1): void {
  const next = ORDERS[(ORDERS.indexOf(order) + step + ORDERS.length) % ORDERS.length];
  if (next !== undefined) onOrder(next);
}

/** The side panel of the heatmap without a selection. */
function HeatPanel(panel: { props: ViewProps; arrangement: Arrangement; numbered: boolean }) {
  const { props, arrangement, numbered } = panel;
  // Deferred, because the panel counts a million links and the heatmap matters more.
  const picture = useDeferredValue(props.picture.fold?.pods ?? props.picture);
  const { mesh } = picture;
  if (props.panelSlot === null) return null;
  return createPortal(
    <>
      <FindingList props={props} mesh={mesh} most={MAX_FINDINGS} />
      <LegendPanel {...props} picture={picture} />
      {numbered ? <PodNumbers props={props} arrangement={arrangement} /> : null}
    </>,
    props.panelSlot,
  );
}

function NoMatch({ props }: { props: ViewProps }) {
  return (
    <p className="heat-none">
      No link matches “{props.filter}”.{' '}
      <button type="button" className="callout-title" onClick={() => props.onFilter('')}>
        Show all
      </button>
    </p>
  );
}
