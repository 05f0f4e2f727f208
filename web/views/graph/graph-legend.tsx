import { countText } from '../../../server/runtime/count-text.ts';
import { latencyText } from '../../../server/runtime/measure-text.ts';
import { StateGlyph } from '../../components/state-glyph.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { type LinkKind, unprobedLinks } from '../../model/link-choice.ts';
import type { LinkState } from '../../model/links.ts';
import { DROP, linkMark } from '../../model/marks.ts';
import { LinkMark } from './links.tsx';
import { LINK_STYLES } from './scene.ts';
import type { GraphLinks } from './use-graph.ts';

interface LegendProps {
  props: ViewProps;
  links: GraphLinks;
}

/** The legend of the lines with the counts of all links that the filter shows. A click on an entry shows only its links. */
export function GraphLegend({ props, links }: LegendProps) {
  const { warningMs, problemMs } = props.thresholds;
  const { byState: total, unreliable, lossy } = links.counts;
  const { slowFromUs } = links.choice;
  // As they are drawn: bundles have no arrows, and unknown links are only drawn if they are asked for.
  const isPale = (state: LinkState) => links.onlyBad && (state === 'good' || state === 'warning');
  const drawnFrom = Number.isNaN(slowFromUs) ? '' : `, drawn ≥ ${latencyText(slowFromUs)}`;
  const entries: [Exclude<LinkKind, 'all'>, string, number][] = [
    ['good', `good < ${warningMs} ms`, total.good + total.fair],
    ['warning', `warning ${warningMs}–${problemMs} ms`, total.warning],
    ['slow', `slow ≥ ${problemMs} ms${drawnFrom}`, total.slow],
    ['failed', 'failed', total.failed],
  ];
  if (total.unknown > 0) entries.push(['unknown', 'unknown', total.unknown]);
  const unprobed = unprobedLinks(total);
  if (unprobed.count > 0) entries.push(['not-probed', unprobed.words, unprobed.count]);
  return (
    <ul className="graph-legend" aria-label="Links by state">
      {entries.map(([state, name, count]) => (
        <li key={state} className={count === 0 ? 'is-zero' : undefined}>
          <button
            type="button"
            className="quiet"
            aria-pressed={props.only === state}
            onClick={() => props.onChange({ only: props.only === state ? 'all' : state })}
          >
            <LegendLine state={state} isBundle={isPale(state)} />
            {name} <b>{countText(count)}</b>
          </button>
        </li>
      ))}
      {unreliable > 0 && (
        <li>
          <StateGlyph state="suspect" />
          unreliable <b>{countText(unreliable)}</b>
        </li>
      )}
      {lossy > 0 && (
        <li>
          <svg className="legend-drop" viewBox="4 3 16 16" aria-hidden="true">
            <path d={DROP} />
          </svg>
          loses datagrams <b>{countText(lossy)}</b>
        </li>
      )}
      <li className="graph-hint">Drag to move, scroll to zoom</li>
    </ul>
  );
}

function LegendLine({ state, isBundle }: { state: LinkState; isBundle: boolean }) {
  const { width, dash, marked } = LINK_STYLES[state];
  const arrow = state === 'not-probed' ? 0 : 6 + width;
  const [end, half] = [31 - arrow, arrow * 0.46];
  return (
    <svg className={`legend-line graph-link is-${state}`} width="32" height="14" aria-hidden="true">
      {isBundle ? (
        <path className="is-bundle" d="M1 2Q16 7 31 5M1 7H31M1 12Q16 7 31 9" strokeWidth="1" />
      ) : (
        <>
          <path
            d={`M1 7H${end}`}
            strokeWidth={width * 0.9}
            strokeDasharray={dash.map((part) => part * 0.9).join(' ')}
          />
          <polygon points={`31,7 ${end},${7 - half} ${end},${7 + half}`} />
          {marked && <LinkMark at={{ x: 13, y: 7 }} size={11} mark={linkMark(state)} />}
        </>
      )}
    </svg>
  );
}
