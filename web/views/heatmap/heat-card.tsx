import { latencyText } from '../../../server/runtime/measure-text.ts';
import { CardBeside } from '../../components/card-beside.tsx';
import { PhaseBar } from '../../components/phase-bar.tsx';
import { StateGlyph } from '../../components/state-glyph.tsx';
import { figureDetail, UNMEASURED } from '../../model/figure-words.ts';
import { FIGURE_NOUNS, valueText } from '../../model/figures.ts';
import type { Rect } from '../../model/heat-layout.ts';
import { foldWords } from '../../model/levels.ts';
import { type LinkFacts, linkFacts } from '../../model/link-facts.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { factsTitle, factsTone, sinceWords } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';
import { type Cell, noteOf } from './scene.ts';

interface CardProps {
  picture: Picture;
  problemMs: number;
  cell: Cell;
  /** The cell, and the bounds of the card, CSS px in the card's parent. */
  at: Rect;
  bounds: Rect;
}

/** The facts about a link, beside its cell. The grid has the same text for screen readers. */
export function HeatCard({ picture, problemMs, cell, at, bounds }: CardProps) {
  const facts = linkFacts(picture, cell.from, cell.to);
  const count = foldWords(picture, cell.from, cell.to);
  const value = picture.valueUs[cell.from * picture.n + cell.to] ?? Number.NaN;
  const { figure } = picture;
  const timeoutMs = picture.mesh.settings.pingTimeoutMs;
  const detail = figure === null ? '' : figureDetail(figure, facts);
  return (
    <CardBeside className="heat-card second" at={at} bounds={bounds}>
      <Who word="from" picture={picture} pod={cell.from} />
      <Who word="to" picture={picture} pod={cell.to} itself={cell.from === cell.to && count === ''} />
      <div className="heat-card-head">
        <StateGlyph
          state={facts.state}
          outcome={facts.outcome}
          unreliable={facts.unreliable}
          lossy={figure === null && facts.lossy}
        />
        {value >= 0 && (facts.state !== 'failed' || figure !== null) && (
          <span className="heat-card-figure">{valueText(figure, value)}</span>
        )}
        <strong className={`tone-${figure === null ? factsTone(facts) : facts.state}`}>
          {figure === null || facts.state === 'failed' || !(value >= 0)
            ? factsTitle(facts, figure)
            : FIGURE_NOUNS[figure]}
        </strong>
        <span className="heat-card-since">{sinceWords(facts, null, picture.mesh.atMs).since}</span>
      </div>
      {figure === null && <Phases facts={facts} problemMs={problemMs} timeoutMs={timeoutMs} />}
      {detail !== '' && <p>{detail}</p>}
      {count !== '' && <p>{count}</p>}
      {facts.detail !== '' && <p className="heat-card-detail">{shownName(facts.detail)}</p>}
      <p className="small">{count === '' ? hintOf(facts, figure) : 'Worst of these links. Enter unfolds them.'}</p>
    </CardBeside>
  );
}

function Who(who: { word: string; picture: Picture; pod: number; itself?: boolean }) {
  const { word, picture, pod, itself = false } = who;
  return (
    <div className="heat-card-who">
      <span>{word}</span>
      <b className="clip">{itself ? 'itself' : picture.pods[pod]?.name}</b>
      <span>{itself ? '' : noteOf(picture, pod)}</span>
    </div>
  );
}

function Phases({ facts, problemMs, timeoutMs }: { facts: LinkFacts; problemMs: number; timeoutMs: number }) {
  const { outcome, connectUs, firstByteUs, totalUs } = facts;
  if (outcome === null || totalUs < 0) return null;
  const parts = [
    connectUs >= 0 ? `connect ${latencyText(connectUs)}` : '',
    firstByteUs >= 0 ? `first byte ${latencyText(firstByteUs)}` : '',
  ].filter(Boolean);
  return (
    <>
      <PhaseBar facts={facts} problemMs={problemMs} timeoutMs={timeoutMs} />
      <div className="heat-card-phases small spread">
        <span>{parts.join(' · ') || `total ${latencyText(totalUs)}`}</span>
        <span>timeout {timeoutMs} ms</span>
      </div>
    </>
  );
}

function hintOf(facts: LinkFacts, figure: Picture['figure']): string {
  if (facts.state === 'unknown' && facts.missing !== '') return `No report from the source pod: ${facts.missing}.`;
  if (facts.missing === 'passive') return 'The source pod is passive: it is not asked.';
  if (facts.state === 'not-probed' && facts.outcome !== null)
    return figure === null ? '' : `Not measured: ${UNMEASURED[figure]}.`;
  if (facts.state === 'not-probed') return 'Not probed: PING_NUMBER assigned other pods, or the pod is new.';
  if (facts.unreliable) return 'A pod was short of CPU. Enter opens the link.';
  return facts.state === 'gone' ? 'One of the two pods is gone.' : 'Enter opens the link';
}
