import { countText } from '../../../server/runtime/count-text.ts';
import { latencyText } from '../../../server/runtime/measure-text.ts';
import { CardBeside } from '../../components/card-beside.tsx';
import { PhaseBar } from '../../components/phase-bar.tsx';
import { StateGlyph } from '../../components/state-glyph.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { foldWords, groupWords } from '../../model/levels.ts';
import { linkFacts } from '../../model/link-facts.ts';
import type { PodView } from '../../model/mesh-view.ts';
import { factsTitle, factsTone, podWords, sinceWords } from '../../model/messages.ts';
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
  return (
    <CardBeside className="graph-card column" at={around} bounds={bounds}>
      {'pod' in hit ? <PodCard props={props} index={hit.pod} /> : <LinkCard props={props} pair={hit.pair} />}
    </CardBeside>
  );
}

function LinkCard({ props, pair }: { props: ViewProps; pair: number }) {
  const { picture, nowMs, thresholds } = props;
  const [from, to] = [Math.floor(pair / picture.n), pair % picture.n];
  const facts = linkFacts(picture, from, to);
  const us = picture.valueUs[pair] ?? Number.NaN;
  const { since, span } = sinceWords(facts, null, nowMs);
  return (
    <>
      <p className="card-title">
        {picture.pods[from]?.label} <span aria-hidden="true">→</span> {picture.pods[to]?.label}
      </p>
      <p className={`card-state tone-${factsTone(facts)}`}>
        <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} lossy={facts.lossy} />
        {factsTitle(facts)}
        {us >= 0 && facts.state !== 'failed' && <b>{latencyText(us)}</b>}
      </p>
      {facts.totalUs >= 0 && (
        <PhaseBar facts={facts} problemMs={thresholds.problemMs} timeoutMs={picture.mesh.settings.pingTimeoutMs} />
      )}
      <p className="second">{[foldWords(picture, from, to), since, span].filter(Boolean).join(', ') || 'no data'}</p>
    </>
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
