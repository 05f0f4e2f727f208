import { LevelChoice } from '../../components/level-choice.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { MAX_FILTER } from '../../model/address.ts';
import type { GraphZoom } from './use-zoom.tsx';

interface GraphToolsProps {
  props: ViewProps;
  zoom: GraphZoom;
  percent: number;
  onReset: () => void;
}

/** The tools above the graph. */
export function GraphTools({ props, zoom, percent, onReset }: GraphToolsProps) {
  return (
    <div className="tools graph-tools">
      <LevelChoice props={props} />
      <input
        type="search"
        className="tool-filter"
        data-filter
        aria-label="Filter pods or nodes"
        placeholder="Filter pods or nodes"
        maxLength={MAX_FILTER}
        value={props.filter}
        onChange={(event) => props.onFilter(event.target.value)}
      />
      <span className="tools-space" />
      <button type="button" aria-pressed={props.asTable} onClick={() => props.onAsTable(!props.asTable)}>
        Table
      </button>
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
    </div>
  );
}
