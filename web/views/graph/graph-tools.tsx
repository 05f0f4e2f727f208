import { Choice } from '../../components/choice.tsx';
import { LevelChoice } from '../../components/level-choice.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { GROUPS, type GroupBy, MAX_FILTER } from '../../model/address.ts';
import type { LinkKind } from '../../model/link-choice.ts';
import type { GraphZoom } from './use-zoom.tsx';

interface GraphToolsProps {
  props: ViewProps;
  /** Label of the first choice: "All links" or "Worst 200". */
  allName: string;
  zoom: GraphZoom;
  onReset: () => void;
}

const GROUP_NAMES: Record<GroupBy, string> = { none: 'auto', node: 'node', zone: 'zone' };

/** The tools above the graph. */
export function GraphTools({ props, allName, zoom, onReset }: GraphToolsProps) {
  const kinds: [LinkKind, string][] = [
    ['all', allName],
    ['failed', 'Failed'],
    ['slow', 'Slow'],
  ];
  return (
    <div className="tools graph-tools">
      <fieldset className="segments" aria-label="Links to show">
        {kinds.map(([kind, name]) => (
          <button key={kind} type="button" aria-pressed={props.only === kind} onClick={() => props.onOnly(kind)}>
            {name}
          </button>
        ))}
      </fieldset>
      <LevelChoice props={props} />
      <Choice label="Group" value={props.group} onChange={(group) => props.onGroup(group as GroupBy)}>
        {GROUPS.map((group) => (
          <option key={group} value={group}>
            {GROUP_NAMES[group]}
          </option>
        ))}
      </Choice>
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
            <output aria-label="Zoom">{zoom.percent} %</output>
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
