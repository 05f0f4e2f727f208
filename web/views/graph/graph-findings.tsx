import { FindingList } from '../../components/finding-list.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { linkFacts } from '../../model/link-facts.ts';
import type { Graph, GraphLinks } from './use-graph.ts';

/** Maximum number of findings and links on the card, and of external targets beside which it fits. */
const [MAX_FINDINGS, MAX_LINKS, MAX_TARGETS] = [2, 4, 3];

/** Width of the card with its margins, and of the labels beside the ring, px. */
const [CARD, FULL_NAMES, SHORT_NAMES] = [320, 230, 130];

/** Whether the card fits beside pods and labels in a stage of `width` px. With many pods the side panel is used instead. */
export function hasRoomForFindings({ tier, frame: { ring } }: Graph, width: number): boolean {
  const words = tier.names === 'full' ? FULL_NAMES : SHORT_NAMES;
  return tier.allLinks && ring.x + ring.width + words + CARD <= width;
}

/**
 * Findings and worst links of few pods, on the stage, because a side panel that appears with a fault would move all pods.
 * Renders nothing if all is well, or if it would cover external targets.
 */
export function GraphFindings({ props, links }: { props: ViewProps; links: GraphLinks }) {
  const worst = worstOf(props, links);
  const { mesh } = props.picture.fold?.pods ?? props.picture;
  if (worst.length + mesh.findings.length === 0 || links.targets.length > MAX_TARGETS) return null;
  return (
    <aside className="graph-findings choice-panel" aria-label="Worst pods and links">
      <h2 className="hidden">Findings</h2>
      <FindingList props={props} brief mesh={mesh} most={links.targets.length > 0 ? 1 : MAX_FINDINGS} />
      {mesh.findings.length === 0 && <WorstList props={props} pairs={worst.slice(0, MAX_LINKS)} />}
    </aside>
  );
}

/** The chosen links that are failed or late, worst first. */
export function worstOf({ picture }: ViewProps, { choice }: GraphLinks): number[] {
  const isBad = (pair: number) =>
    ['failed', 'slow', 'warning'].includes(linkFacts(picture, Math.floor(pair / picture.n), pair % picture.n).state);
  return choice.pairs.filter(isBad).reverse();
}

/** A list of links that open on click. Renders nothing without links. */
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
