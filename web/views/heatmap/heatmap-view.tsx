import { useMemo, useReducer, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { ORDERS } from '../../pure/address.ts';
import { worstLinks } from '../../pure/worst-links.ts';
import type { ViewProps } from '../../view-props.ts';
import { LegendPanel } from '../legend/legend-panel.tsx';
import { CalloutList } from './callout-list.tsx';
import { saveCsv, savePng } from './download.ts';
import { HeatGrid } from './heat-grid.tsx';
import { HeatTable } from './heat-table.tsx';
import { HeatTools } from './heat-tools.tsx';
import { PodNumbers } from './pod-numbers.tsx';
import type { Drawn } from './use-frame.ts';
import { useHeatModel } from './use-heat-model.ts';
import { useSize } from './use-size.ts';
import './heatmap.css';

/** The matrix of all links: column = from, row = to. Legend and thresholds go to the side panel. */
export function HeatmapView(props: ViewProps) {
  const { picture, asTable, panelSlot } = props;
  const frame = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  const size = useSize(frame);
  const [fit, setFit] = useState(true);
  const [, again] = useReducer((count: number) => count + 1, 0);
  const model = useHeatModel(props, size, fit);
  const { arrangement, layout } = model;
  const sortAgain = () => {
    model.order.sortAgain();
    again();
  };
  const stepOrder = (step: 1 | -1) => {
    const next = ORDERS[(ORDERS.indexOf(props.order) + step + ORDERS.length) % ORDERS.length];
    if (next !== undefined) props.onOrder(next);
  };
  const worst = useMemo(() => (asTable ? worstLinks(picture, arrangement) : []), [asTable, picture, arrangement]);
  return (
    <div className={`heatmap${props.lost ? ' is-lost' : ''}`}>
      <HeatTools
        props={props}
        group={model.group}
        fit={layout.scrollable ? fit : null}
        onFit={setFit}
        onSortAgain={model.order.isOutdated ? sortAgain : null}
        onPng={() => {
          if (drawn.current !== null)
            void savePng(drawn.current, { ...size, height: heightOf(frame.current) }, props.thresholds);
        }}
        onCsv={() => void saveCsv(picture)}
      />
      {asTable ? <HeatTable props={props} arrangement={arrangement} worst={worst} /> : null}
      <div className="heat-frame" ref={frame} hidden={asTable}>
        {asTable || size.width === 0 ? null : (
          <HeatGrid props={props} model={model} size={size} drawn={drawn} onOrderStep={stepOrder} />
        )}
        {arrangement.pods.length === 0 && picture.n > 0 ? <NoMatch props={props} /> : null}
      </div>
      {asTable || model.calloutsBeside ? null : (
        <CalloutList callouts={model.callouts} picture={picture} onSelect={props.onSelect} />
      )}
      {panelSlot === null
        ? null
        : createPortal(
            <>
              <LegendPanel picture={picture} thresholds={props.thresholds} onThresholds={props.onThresholds} />
              {layout.axis === 'numbers' && !asTable ? <PodNumbers props={props} arrangement={arrangement} /> : null}
            </>,
            panelSlot,
          )}
    </div>
  );
}

function heightOf(frame: HTMLElement | null): number {
  return frame?.clientHeight ?? 0;
}

function NoMatch({ props }: { props: ViewProps }) {
  return (
    <p className="heat-none">
      No pod matches “{props.filter}”.{' '}
      <button type="button" className="callout-title" onClick={() => props.onFilter('')}>
        Show all {props.picture.n}
      </button>
    </p>
  );
}
