import { countText, plural } from '../../../server/runtime/count-text.ts';
import { FindingList } from '../../components/finding-list.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { LINK_LIMITS } from '../../model/address.ts';
import { findingsOfNotice } from '../../model/findings.ts';
import { statesOf } from '../../model/link-filter.ts';
import { stateAt } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { NO_BUNDLES } from './bundles.ts';
import { tierOf } from './tier.ts';
import type { GraphLinks } from './use-graph.ts';

interface ChoicePanelProps {
  props: ViewProps;
  links: GraphLinks;
}

const { min: MIN, max: MAX } = LINK_LIMITS;
const MOST_LISTED = 6;

/** The side panel without a selection: how many links are drawn, findings, and the worst links. */
export function ChoicePanel({ props, links }: ChoicePanelProps) {
  const { choice } = links;
  // The worst is the last of the choice.
  const worst = choice.pairs.filter((pair) => isBad(props.picture, pair)).reverse();
  const { fold } = props.picture;
  const { mesh } = fold?.pods ?? props.picture;
  const isBounded = choice.asked > LINK_LIMITS.min && !tierOf(props.picture.n, props.narrow).allLinks;
  return (
    <div className="choice-panel column">
      <h2>{linksHeading(props, links)}</h2>
      <p className="second">
        {links.onlyBad
          ? links.bundles === NO_BUNDLES
            ? 'Only failed, slow and lossy links are drawn. The heatmap shows all.'
            : 'Failed, slow and lossy links are drawn one by one, healthy ones in pale bundles.'
          : `Each line is ${fold === null ? 'one link' : `all links from one ${fold.level} to another`}; the arrow points to the destination.`}
      </p>
      {isBounded && <LimitSlider limit={props.limit} onLimit={(limit) => props.onChange({ limit })} />}
      <FindingList props={props} mesh={mesh} most={MOST_LISTED} inNotice={findingsOfNotice(mesh.findings)[0]} />
      {worst.length === 0 ? (
        <p className="second">Click a {fold?.level ?? 'pod'} or a line for details.</p>
      ) : (
        <section>
          <h3>Worst links</h3>
          <ul className="link-lines">
            {worst.slice(0, MOST_LISTED).map((pair) => (
              <LinkButton key={pair} props={props} pair={pair} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

/** How many links are drawn, of how many that are asked for. In a folded graph the lines are counted unless all are drawn. */
export function linksHeading(
  { picture, only, filter }: Pick<ViewProps, 'picture' | 'only' | 'filter'>,
  links: GraphLinks,
) {
  const { choice, counts, onlyBad } = links;
  const { fold } = picture;
  const [by, noun] = fold === null ? ['', 'link'] : [`, by ${fold.level}`, 'line'];
  const matching = filter.trim() === '' ? '' : 'matching ';
  const kind = only === 'all' ? '' : only === 'not-probed' ? 'unprobed ' : `${only} `;
  const drawn = choice.pairs.length;
  if (drawn < choice.asked) {
    return `Showing ${countText(drawn)} of ${plural(choice.asked, `${matching}${onlyBad ? 'bad ' : kind}${noun}`)}${by}`;
  }
  const isAnyState = only === 'all' && statesOf(filter).length === 0;
  const [count, of] = isAnyState ? [counts.measured, 'link'] : [drawn, noun];
  const what = `${matching}${kind}${of}`;
  return `${count === 0 ? `No ${what}s` : `All ${plural(count, what)}`}${by}`;
}

function isBad(picture: Picture, pair: number): boolean {
  const state = stateAt(picture.state[pair]);
  return state === 'failed' || state === 'slow' || picture.lossy[pair] === 1;
}

/** The slider is logarithmic. With so many steps each changes the limit by about a tenth. */
export const STEPS = 48;

/** The limit at a step of the slider, with two digits. */
export function limitAt(step: number): number {
  return Number((MIN * (MAX / MIN) ** (step / STEPS)).toPrecision(2));
}

export function stepOf(limit: number): number {
  return Math.round((STEPS * Math.log(limit / MIN)) / Math.log(MAX / MIN));
}

function LimitSlider({ limit, onLimit }: { limit: number; onLimit: (limit: number) => void }) {
  return (
    <div className="limit-slider">
      <input
        type="range"
        aria-label="Maximum number of links"
        aria-valuetext={`${limit} links`}
        max={STEPS}
        value={stepOf(limit)}
        onChange={({ target }) => onLimit(limitAt(Number(target.value)))}
      />
      <span className="limit-scale second spread" aria-hidden="true">
        <span>{MIN}</span>
        <b>{countText(limit)}</b>
        <span>{countText(MAX)}</span>
      </span>
    </div>
  );
}
