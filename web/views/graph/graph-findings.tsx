import { linkFacts } from '../../pure/link-facts.ts';
import type { Suspect } from '../../pure/suspects.ts';
import type { ViewProps } from '../../view-props.ts';
import { LinkButton } from '../detail/link-button.tsx';
import type { Graph, GraphLinks } from './use-graph.ts';

/** Lines of the card, and external targets beside which it has room. */
const [MOST_SUSPECTS, MOST_LINKS, MOST_TARGETS] = [2, 4, 3];

/** Width of the card with its margins, and of the words beside the ring, px. */
const [CARD, FULL_NAMES, SHORT_NAMES] = [320, 230, 130];

/** Whether the card stands clear of pods and their words in a stage of `width` px. More pods have a side panel instead. */
export function hasRoomForFindings({ tier, frame: { ring } }: Graph, width: number): boolean {
  const words = tier.names === 'full' ? FULL_NAMES : SHORT_NAMES;
  return tier.allLinks && ring.x + ring.width + words + CARD <= width;
}

/**
 * Whom to look at first among few pods, on the stage: a side panel that comes and goes with a fault would move all pods.
 * Nothing while all is well, or where it would cover external targets.
 */
export function GraphFindings({ props, links }: { props: ViewProps; links: GraphLinks }) {
  const worst = worstOf(props, links);
  if (worst.length + links.suspects.length === 0 || links.targets.length > MOST_TARGETS) return null;
  return (
    <aside className="graph-findings choice-panel" aria-label="Worst pods and links">
      <h2 className="hidden">Worth a look</h2>
      <SuspectList props={props} suspects={links.suspects} most={MOST_SUSPECTS} />
      {links.suspects.length === 0 && <WorstList props={props} pairs={worst.slice(0, MOST_LINKS)} />}
    </aside>
  );
}

/** The chosen links that fail, are late or are suspect (pairs), worst first. */
export function worstOf({ picture }: ViewProps, { choice }: GraphLinks): number[] {
  const isBad = (pair: number) =>
    ['failed', 'slow', 'warning', 'suspect'].includes(
      linkFacts(picture, Math.floor(pair / picture.n), pair % picture.n).state,
    );
  return choice.pairs.filter(isBad).reverse();
}

/** Pods or nodes at fault, at most `most` of them; nothing without any. */
export function SuspectList(list: { props: ViewProps; suspects: readonly Suspect[]; most: number }) {
  const { props, suspects, most } = list;
  const { picture, onSelect, onFilter } = props;
  const open = ({ node, anchor }: Suspect) => {
    const uid = picture.mesh.pods[anchor]?.uid;
    if (node !== '') onFilter(node);
    else if (uid !== undefined) onSelect({ pod: uid });
  };
  if (suspects.length === 0) return null;
  return (
    <section>
      <h3>
        Look at <span className="panel-count">{suspects.length}</span>
      </h3>
      <ul className="accused-list">
        {suspects.slice(0, most).map((suspect) => (
          <li key={suspect.anchor} className={`finding is-${suspect.tone}`}>
            <button type="button" onClick={() => open(suspect)}>
              <b>{suspect.title}</b>
              <span>{[suspect.place, suspect.note].filter(Boolean).join(' · ')}</span>
            </button>
          </li>
        ))}
      </ul>
      {suspects.length > most && <p className="panel-second">{suspects.length - most} more in the picture.</p>}
    </section>
  );
}

/** Links as lines to open, under a heading; nothing without any. */
export function WorstList({ props, pairs }: { props: ViewProps; pairs: readonly number[] }) {
  if (pairs.length === 0) return null;
  return (
    <section>
      <h3>Worst links</h3>
      <ul className="link-lines">
        {pairs.map((pair) => (
          <LinkButton key={pair} props={props} pair={pair} />
        ))}
      </ul>
    </section>
  );
}
