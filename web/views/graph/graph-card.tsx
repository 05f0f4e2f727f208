import { countText } from '../../../server/runtime/count-text.ts';
import { CardBeside } from '../../components/card-beside.tsx';
import { LinkCard } from '../../components/link-card.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { foldWords, groupWords } from '../../model/levels.ts';
import type { PodView } from '../../model/mesh-view.ts';
import { podWords } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';
import type { GraphHit } from './scene.ts';

/** So far around the pointer there is no card, so that it does not cover the latency of a link, px. */
const REACH = 28;

interface GraphCardProps {
  props: ViewProps;
  hit: Exclude<GraphHit, null>;
  /** The point of the stage beside which the card is placed, and the size of the stage, px. */
  at: { x: number; y: number };
  size: { width: number; height: number };
}

/** The card of a hovered or focused pod or link: beside it, within the stage. */
export function GraphCard({ props, hit, at, size }: GraphCardProps) {
  const around = { x: at.x - REACH, y: at.y - REACH, width: 2 * REACH, height: 2 * REACH };
  const bounds = { x: 4, y: 4, width: size.width - 8, height: size.height - 8 };
  const { picture, thresholds } = props;
  if ('pod' in hit) {
    return (
      <CardBeside className="graph-card column" at={around} bounds={bounds}>
        <PodCard props={props} index={hit.pod} />
      </CardBeside>
    );
  }
  const [from, to] = [Math.floor(hit.pair / picture.n), hit.pair % picture.n];
  const hint = foldWords(picture, from, to) === '' ? 'Enter opens the link' : 'Worst of these links. Enter opens it.';
  return (
    <CardBeside className="link-card second" at={around} bounds={bounds}>
      <LinkCard picture={picture} problemMs={thresholds.problemMs} from={from} to={to} hint={hint} />
    </CardBeside>
  );
}

function PodCard({ props, index }: { props: ViewProps; index: number }) {
  const { picture, nowMs } = props;
  const view = picture.pods[index];
  if (view === undefined) return null;
  const words = podWords(picture, view, nowMs);
  const { node, zone, podIPs } = view.pod;
  const group = groupWords(picture, index);
  const place = (group === '' ? [node, zone, podIPs[0] ?? ''].map(shownName) : [group, shownName(zone)])
    .filter((text) => text !== '' && text !== view.name)
    .join(' · ');
  return (
    <>
      <p className="card-title">{view.name}</p>
      <p className="second">{place}</p>
      <p className={`card-state tone-${words.tone}`}>
        {words.state}
        {words.note !== '' && <span className={`tone-${words.noteTone}`}> · {words.note}</span>}
      </p>
      <p className="second">{sumWords('inbound', view.into)}</p>
      <p className="second">{sumWords('outbound', view.outOf)}</p>
    </>
  );
}

function sumWords(direction: 'inbound' | 'outbound', { probed, failed, slow }: PodView['into']): string {
  const good = probed - failed - slow;
  return `${direction}: ${countText(failed)} failed, ${countText(slow)} slow, ${countText(good)} ok`;
}
