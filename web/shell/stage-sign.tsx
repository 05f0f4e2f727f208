import type { PodView } from '../pure/picture.ts';
import type { Stage } from '../pure/stage.ts';
import { PodMark } from '../views/state-glyph.tsx';

/** The drawing of a screen that is shown instead of a view. */
export function StageSign({ stage, self }: { stage: Exclude<Stage, 'picture'>; self: PodView | undefined }) {
  if (stage === 'alone' && self !== undefined) {
    return (
      <div className="stage-self">
        <svg viewBox="0 0 72 40" aria-hidden="true">
          <path
            className={`self-link is-${self.health === 'failing' ? 'failed' : 'good'}`}
            d="M26 40A19 19 0 1 1 46 40"
          />
        </svg>
        <PodMark state={self.health} />
        <strong>{self.label}</strong>
      </div>
    );
  }
  return (
    <svg className="stage-sign" viewBox="0 0 64 64" aria-hidden="true">
      {stage === 'empty' && <circle className="stage-dots" cx="32" cy="32" r="26" />}
      {(stage === 'waiting' || stage === 'connecting') && (
        <>
          <circle className="stage-track" cx="32" cy="32" r="26" />
          <path className="stage-turn" d="M32 6A26 26 0 0 1 58 32" />
        </>
      )}
      {stage === 'forbidden' && (
        <g className="stage-lock">
          <rect x="11" y="26" width="42" height="32" rx="5" />
          <path d="M20 26V18A12 12 0 0 1 44 18V26M32 41V47" />
          <circle cx="32" cy="39" r="2" />
        </g>
      )}
      {stage === 'unreachable' && (
        <g className="stage-lock">
          <circle cx="32" cy="32" r="26" />
          <path d="M23 23L41 41M41 23L23 41" />
        </g>
      )}
    </svg>
  );
}
