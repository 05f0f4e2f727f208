import type { ViewProps } from '../../components/view-props.ts';
import { ExportMenu, Filter, TableButton, UnfoldedGroups, ViewMenu } from '../../components/view-tools.tsx';
import type { GraphZoom } from './use-zoom.tsx';

interface GraphToolsProps {
  props: ViewProps;
  zoom: GraphZoom;
  percent: number;
  onReset: () => void;
  onPng: () => void;
}

/** The tools above the graph. */
export function GraphTools({ props, zoom, percent, onReset, onPng }: GraphToolsProps) {
  return (
    <div className="tools graph-tools">
      <ViewMenu props={props} group={props.group} />
      <Filter props={props} />
      <UnfoldedGroups props={props} />
      <div className="tools-end">
        {!props.asTable && (
          <>
            <span className="zoom-tools">
              <button type="button" className="quiet" aria-label="Zoom out" onClick={() => zoom.by(1 / 1.25)}>
                −
              </button>
              <output aria-label="Zoom">{percent} %</output>
              <button type="button" className="quiet" aria-label="Zoom in" onClick={() => zoom.by(1.25)}>
                +
              </button>
            </span>
            <button type="button" className="is-wide" onClick={onReset}>
              Reset
            </button>
          </>
        )}
        <TableButton props={props} />
        <ExportMenu props={props} onPng={props.asTable ? null : onPng} />
      </div>
    </div>
  );
}
