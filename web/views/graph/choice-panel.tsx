import { FindingList } from '../../components/finding-list.tsx';
import { StateGlyph } from '../../components/state-glyph.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { LINK_LIMITS } from '../../model/address.ts';
import { countText, latencyText, plural } from '../../model/format.ts';
import type { LinkState } from '../../model/links.ts';
import { stateWords } from '../../model/messages.ts';
import { WorstList, worstOf } from './graph-findings.tsx';
import type { GraphLinks } from './use-graph.ts';

interface ChoicePanelProps {
  props: ViewProps;
  links: GraphLinks;
  allLinks: boolean;
}

const { min: MIN, max: MAX } = LINK_LIMITS;
const STEPS = 200;
const MOST_LISTED = 6;

/** The side panel without a selection: how many links are shown, findings, and the worst links. */
export function ChoicePanel({ props, links, allLinks }: ChoicePanelProps) {
  const { choice } = links;
  const worst = worstOf(props, links);
  const { mesh } = props.picture;
  const shown = choice.pairs.length;
  return (
    <div className="choice-panel">
      <h2>
        {shown < choice.all
          ? `Showing ${countText(shown)} of ${plural(choice.all, 'link')}`
          : `All ${plural(choice.all, 'link')}`}
      </h2>
      <p className="panel-second">
        {allLinks
          ? 'Each line is one link; the arrow points to the destination.'
          : 'All failed links first, then the slowest.'}
      </p>
      {!allLinks && <LimitSlider limit={props.limit} onLimit={props.onLimit} />}
      <ul className="choice-shares">
        {(['failed', 'slow', 'warning', 'unknown', 'good'] as const).map((state) => (
          <Share key={state} state={state} links={links} />
        ))}
      </ul>
      <FindingList mesh={mesh} most={MOST_LISTED} onSelect={props.onSelect} onFilter={props.onFilter} />
      <WorstList props={props} pairs={worst.slice(0, MOST_LISTED)} />
      {worst.length === 0 && mesh.findings.length === 0 && (
        <p className="panel-second">All links healthy. Click a pod or a line for details.</p>
      )}
    </div>
  );
}

/** A slider from 20 to 2000 links on a logarithmic scale, for fine control of small numbers. */
function LimitSlider({ limit, onLimit }: { limit: number; onLimit: (limit: number) => void }) {
  const at = Math.round((Math.log(limit / MIN) / Math.log(MAX / MIN)) * STEPS);
  const toLimit = (step: number) => {
    const raw = MIN * (MAX / MIN) ** (step / STEPS);
    const grain = raw < 100 ? 5 : raw < 500 ? 10 : 50;
    return Math.min(MAX, Math.max(MIN, Math.round(raw / grain) * grain));
  };
  return (
    <div className="limit-slider">
      <input
        type="range"
        aria-label="Maximum number of links"
        aria-valuetext={`${limit} links`}
        min={0}
        max={STEPS}
        value={at}
        onChange={(event) => onLimit(toLimit(Number(event.target.value)))}
      />
      <span className="limit-scale" aria-hidden="true">
        <span>{MIN}</span>
        <b>{countText(limit)}</b>
        <span>{countText(MAX)}</span>
      </span>
    </div>
  );
}

function Share({ state, links }: { state: LinkState; links: GraphLinks }) {
  const { shown, total, slowFromUs } = links.choice;
  const more = state === 'good' ? 'fair' : null;
  const part = shown[state] + (more === null ? 0 : shown[more]);
  const whole = total[state] + (more === null ? 0 : total[more]);
  if (whole === 0 && state === 'unknown') return null;
  const from = state === 'slow' && !Number.isNaN(slowFromUs) ? `shown above ${latencyText(slowFromUs)}` : '';
  return (
    <li className={whole === 0 ? 'is-zero' : undefined}>
      <StateGlyph state={state} />
      <span>{stateWords(state)}</span>
      <span className="panel-second">{from}</span>
      <span className="share-count">
        <b>{countText(part)}</b> of {countText(whole)}
      </span>
      <span className="share-bar">
        <span className={`is-${state}`} style={{ width: `${whole === 0 ? 0 : (part / whole) * 100}%` }} />
      </span>
    </li>
  );
}
