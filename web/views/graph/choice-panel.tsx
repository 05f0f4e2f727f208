import { countText, latencyText, plural } from '../../pure/figures.ts';
import { linkFacts } from '../../pure/link-facts.ts';
import type { LinkState } from '../../pure/link-state.ts';
import { stateWords } from '../../pure/link-words.ts';
import type { Suspect } from '../../pure/suspects.ts';
import type { ViewProps } from '../../view-props.ts';
import { LinkButton } from '../detail/link-button.tsx';
import { StateSwatch } from '../detail/state-swatch.tsx';
import type { GraphLinks } from './use-graph.ts';

interface ChoicePanelProps {
  props: ViewProps;
  links: GraphLinks;
  allLinks: boolean;
  limit: number;
  onLimit: (limit: number) => void;
}

const LEAST = 20;
const MOST = 2000;
const STEPS = 200;
const MOST_LISTED = 6;

/** The side panel while nothing is selected: how much is shown, and whom to look at first. */
export function ChoicePanel({ props, links, allLinks, limit, onLimit }: ChoicePanelProps) {
  const { picture } = props;
  const { choice } = links;
  const worst = [...choice.pairs]
    .reverse()
    .filter((pair) => isBad(linkFacts(picture, Math.floor(pair / picture.n), pair % picture.n).state));
  const { suspects } = links;
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
          ? 'A line is a ping; the arrow points at the pod that answers.'
          : 'All failed links first, then the slowest.'}
      </p>
      {!allLinks && <LimitSlider limit={limit} onLimit={onLimit} />}
      <ul className="choice-shares">
        {(['failed', 'slow', 'warning', 'suspect', 'unknown', 'good'] as const).map((state) => (
          <Share key={state} state={state} links={links} />
        ))}
      </ul>
      {suspects.length > 0 && <SuspectList props={props} suspects={suspects} />}
      {worst.length > 0 && (
        <section>
          <h3>Worst links</h3>
          <ul className="link-lines">
            {worst.slice(0, MOST_LISTED).map((pair) => (
              <LinkButton key={pair} props={props} pair={pair} />
            ))}
          </ul>
        </section>
      )}
      {worst.length === 0 && suspects.length === 0 && (
        <p className="panel-second">
          Nothing to look at: no link fails and none is slow. Click a pod or a line for its figures.
        </p>
      )}
    </div>
  );
}

function SuspectList({ props, suspects }: { props: ViewProps; suspects: readonly Suspect[] }) {
  const { picture, onSelect, onFilter } = props;
  const open = ({ node, anchor }: Suspect) => {
    const uid = picture.mesh.pods[anchor]?.uid;
    if (node !== '') onFilter(node);
    else if (uid !== undefined) onSelect({ pod: uid });
  };
  return (
    <section>
      <h3>
        Look at <span className="panel-count">{suspects.length}</span>
      </h3>
      <ul className="accused-list">
        {suspects.slice(0, MOST_LISTED).map((suspect) => (
          <li key={suspect.anchor} className={`finding is-${suspect.tone}`}>
            <button type="button" onClick={() => open(suspect)}>
              <b>{suspect.title}</b>
              <span>{[suspect.place, suspect.note].filter(Boolean).join(' · ')}</span>
            </button>
          </li>
        ))}
      </ul>
      {suspects.length > MOST_LISTED && (
        <p className="panel-second">{suspects.length - MOST_LISTED} more in the picture.</p>
      )}
    </section>
  );
}

function isBad(state: LinkState): boolean {
  return state === 'failed' || state === 'slow' || state === 'warning' || state === 'suspect';
}

/** 20 to 2000 on a logarithmic scale: the first hundred matter more than the last. */
function LimitSlider({ limit, onLimit }: { limit: number; onLimit: (limit: number) => void }) {
  const at = Math.round((Math.log(limit / LEAST) / Math.log(MOST / LEAST)) * STEPS);
  const toLimit = (step: number) => {
    const raw = LEAST * (MOST / LEAST) ** (step / STEPS);
    const grain = raw < 100 ? 5 : raw < 500 ? 10 : 50;
    return Math.min(MOST, Math.max(LEAST, Math.round(raw / grain) * grain));
  };
  return (
    <div className="limit-slider">
      <input
        type="range"
        aria-label="Links to show at most"
        aria-valuetext={`${limit} links`}
        min={0}
        max={STEPS}
        value={at}
        onChange={(event) => onLimit(toLimit(Number(event.target.value)))}
      />
      <span className="limit-scale" aria-hidden="true">
        <span>{LEAST}</span>
        <b>{countText(limit)}</b>
        <span>{countText(MOST)}</span>
      </span>
    </div>
  );
}

function Share({ state, links }: { state: LinkState; links: GraphLinks }) {
  const { shown, total, slowFromUs } = links.choice;
  const more = state === 'good' ? 'fair' : null;
  const part = shown[state] + (more === null ? 0 : shown[more]);
  const whole = total[state] + (more === null ? 0 : total[more]);
  if (whole === 0 && (state === 'suspect' || state === 'unknown')) return null;
  const from = state === 'slow' && !Number.isNaN(slowFromUs) ? `shown from ${latencyText(slowFromUs)}` : '';
  return (
    <li className={whole === 0 ? 'is-zero' : undefined}>
      <StateSwatch state={state} />
      <span>{state === 'slow' ? 'Slow' : stateWords(state)}</span>
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
