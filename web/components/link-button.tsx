import { latencyText } from '../../server/runtime/measure-text.ts';
import { foldWords } from '../model/levels.ts';
import { linkFacts } from '../model/link-facts.ts';
import { factsTitle, factsTone } from '../model/messages.ts';
import { StateGlyph } from './state-glyph.tsx';
import type { ViewProps } from './view-props.ts';

/** A link in a list; a click opens it. `of`: the pod that the list is about, whose name is left out. */
export function LinkButton({ props, pair, of }: { props: ViewProps; pair: number; of?: number }) {
  const { picture, onSelect } = props;
  const [from, to] = [picture.pods[Math.floor(pair / picture.n)], picture.pods[pair % picture.n]];
  if (from === undefined || to === undefined) return null;
  const facts = linkFacts(picture, from.index, to.index);
  const us = picture.valueUs[pair] ?? Number.NaN;
  const count = facts.state === 'failed' ? foldWords(picture, from.index, to.index) : '';
  const hasLatency = facts.state !== 'failed' && !facts.lossy && us >= 0;
  return (
    <li>
      <button
        type="button"
        className="link-line bare"
        onClick={() => onSelect({ from: from.pod.uid, to: to.pod.uid })}
        title={`${from.name} → ${to.name}`}
      >
        <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} lossy={facts.lossy} />
        <span className="link-ends clip">
          {of === undefined && `${from.label} → ${to.label}`}
          {of === from.index && `→ ${to.label}`}
          {of === to.index && of !== from.index && `${from.label} →`}
        </span>
        <span className={`link-figure tone-${factsTone(facts)}`}>
          {hasLatency ? latencyText(us) : count || factsTitle(facts)}
        </span>
      </button>
    </li>
  );
}
