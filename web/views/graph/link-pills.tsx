import { latencyText } from '../../pure/figures.ts';
import { PILL_HEIGHT, placePills } from '../../pure/graph-scene.ts';
import type { ViewProps } from '../../view-props.ts';
import type { Graph } from './use-graph.ts';

/** Maximum number of latency labels. */
const MAX_PILLS = 30;

/** Latency labels on slow links, if there are few of them. */
export function LinkPills({ graph, props }: { graph: Graph; props: ViewProps }) {
  const { picture } = props;
  const wanted = graph.links.filter(({ state, pair }) => state === 'slow' || pair === graph.pair);
  const slow = [...wanted].sort((a, b) => Number(b.pair === graph.pair) - Number(a.pair === graph.pair));
  if (graph.tier.names !== 'full' && !props.narrow) return null;
  if (!graph.tier.allLinks || graph.tier.weight < 1 || slow.length > MAX_PILLS) return null;
  const measured = slow.filter(({ pair }) => (picture.valueUs[pair] ?? Number.NaN) >= 0);
  const shown = props.narrow ? measured.filter(({ loop }) => loop === null) : measured;
  const text = ({ pair }: { pair: number }) => latencyText(picture.valueUs[pair] ?? Number.NaN);
  const pills = placePills(shown, text, graph.spots, graph.tier.disc);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="graph-pills" aria-hidden="true">
      {pills.map((pill) => {
        const link = shown.find(({ pair }) => pair === pill.pair);
        const dim = graph.pod >= 0 && link?.from !== graph.pod && link?.to !== graph.pod;
        return (
          <g
            key={pill.pair}
            transform={`translate(${pill.x.toFixed(1)} ${pill.y.toFixed(1)})`}
            className={`graph-pill is-${link?.state}${pill.pair === graph.pair ? ' is-selected' : ''}${dim ? ' is-dim' : ''}`}
          >
            <rect
              x={-pill.width / 2}
              y={-PILL_HEIGHT / 2}
              width={pill.width}
              height={PILL_HEIGHT}
              rx={PILL_HEIGHT / 2}
            />
            <text textAnchor="middle" y={4.5}>
              {pill.text}
            </text>
          </g>
        );
      })}
    </g>
  );
}
