import { linkFacts } from '../../pure/link-facts.ts';
import type { ViewProps } from '../../view-props.ts';
import { LinkButton } from '../detail/link-button.tsx';
import { FindingList } from '../findings/finding-list.tsx';
import type { Graph, GraphLinks } from './use-graph.ts';

/** Lines of the card, and external targets beside which it has room. */
const [MOST_FINDINGS, MOST_LINKS, MOST_TARGETS] = [2, 4, 3];

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
  const { mesh } = props.picture;
  if (worst.length + mesh.findings.length === 0 || links.targets.length > MOST_TARGETS) return null;
  return (
    <aside className="graph-findings choice-panel" aria-label="Worst pods and links">
      <h2 className="hidden">Findings</h2>
      <FindingList
        brief
        mesh={mesh}
        most={links.targets.length > 0 ? 1 : MOST_FINDINGS}
        onSelect={props.onSelect}
        onFilter={props.onFilter}
      />
      {mesh.findings.length === 0 && <WorstList props={props} pairs={worst.slice(0, MOST_LINKS)} />}
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
