import './link-card.css';
import { latencyText } from '../../server/runtime/measure-text.ts';
import { figureDetail, UNMEASURED } from '../model/figure-words.ts';
import { FIGURE_NOUNS, valueText } from '../model/figures.ts';
import { foldWords, noteOf } from '../model/levels.ts';
import { type LinkFacts, linkFacts } from '../model/link-facts.ts';
import type { Picture } from '../model/mesh-view.ts';
import { factsTitle, factsTone, sinceWords } from '../model/messages.ts';
import { shownName } from '../model/names.ts';
import { PhaseBar, phaseTexts } from './phase-bar.tsx';
import { StateGlyph } from './state-glyph.tsx';

interface LinkCardProps {
  picture: Picture;
  problemMs: number;
  from: number;
  to: number;
  /** What opening it does, if nothing has to be explained. */
  hint: string;
}

export function LinkCard({ picture, problemMs, from, to, hint }: LinkCardProps) {
  const facts = linkFacts(picture, from, to);
  const count = foldWords(picture, from, to);
  const value = picture.valueUs[from * picture.n + to] ?? Number.NaN;
  const { figure } = picture;
  const hasValue = value >= 0;
  const detail = figure === null ? '' : figureDetail(figure, facts);
  return (
    <>
      <End word="from" picture={picture} pod={from} />
      <End word="to" picture={picture} pod={to} itself={from === to && count === ''} />
      <div className="link-card-head">
        <StateGlyph
          state={facts.state}
          outcome={facts.outcome}
          unreliable={facts.unreliable}
          lossy={figure === null && facts.lossy}
        />
        {hasValue && (facts.state !== 'failed' || figure !== null) && (
          <span className="link-card-figure">{valueText(figure, value)}</span>
        )}
        <strong className={`tone-${figure === null ? factsTone(facts) : facts.state}`}>
          {figure === null || facts.state === 'failed' || !hasValue ? factsTitle(facts, figure) : FIGURE_NOUNS[figure]}
        </strong>
        <span className="link-card-since">{sinceWords(facts, null, picture.mesh.atMs).since}</span>
      </div>
      {figure === null && (
        <Phases facts={facts} problemMs={problemMs} timeoutMs={picture.mesh.settings.pingTimeoutMs} />
      )}
      {detail !== '' && <p>{detail}</p>}
      {count !== '' && <p>{count}</p>}
      {facts.detail !== '' && <p className="link-card-detail">{shownName(facts.detail)}</p>}
      <p className="small">{(count === '' && reasonOf(facts, figure)) || hint}</p>
    </>
  );
}

function End({
  word,
  picture,
  pod,
  itself = false,
}: {
  word: string;
  picture: Picture;
  pod: number;
  itself?: boolean;
}) {
  return (
    <div className="link-card-end">
      <span>{word}</span>
      <b className="clip">{itself ? 'itself' : picture.pods[pod]?.name}</b>
      <span>{itself ? '' : noteOf(picture, pod)}</span>
    </div>
  );
}

function Phases({ facts, problemMs, timeoutMs }: { facts: LinkFacts; problemMs: number; timeoutMs: number }) {
  const { outcome, totalUs } = facts;
  if (outcome === null || totalUs < 0) return null;
  return (
    <>
      <PhaseBar facts={facts} problemMs={problemMs} timeoutMs={timeoutMs} />
      <div className="link-card-phases small">
        <span>{phaseTexts(facts).join(' · ') || `total ${latencyText(totalUs)}`}</span>
        <span>timeout {timeoutMs} ms</span>
      </div>
    </>
  );
}

/** Why a link was not measured, or is doubted; '' if there is nothing to explain. */
function reasonOf(facts: LinkFacts, figure: Picture['figure']): string {
  if (facts.state === 'unknown' && facts.missing !== '') return `No report from the source pod: ${facts.missing}.`;
  if (facts.missing === 'passive') return 'The source pod is passive: it is not asked.';
  if (facts.state === 'not-probed' && facts.outcome !== null)
    return figure === null ? '' : `Not measured: ${UNMEASURED[figure]}.`;
  if (facts.state === 'not-probed') return 'Not probed: PING_NUMBER assigned other pods, or the pod is new.';
  if (facts.unreliable) return 'A pod was short of CPU.';
  return facts.state === 'gone' ? 'One of the two pods is gone.' : '';
}
