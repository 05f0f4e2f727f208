import type { Outcome } from '../../server/protocol/sample.ts';
import type { Tone } from '../model/links.ts';
import { DROP, linkMark, OCTAGON, POD_MARKS, WAVE } from '../model/marks.ts';
import type { PodHealth } from '../model/mesh-view.ts';
import './state-glyph.css';

interface StateGlyphProps {
  /** `suspect`: unreliable measurements without a state, for counts and legends. */
  state: Tone;
  outcome?: Outcome | null;
  unreliable?: boolean;
  lossy?: boolean;
}

/** The state of a link as a small square with colour and mark. A text beside it must say the same. */
export function StateGlyph({
  state,
  outcome = null,
  unreliable = state === 'suspect',
  lossy = false,
}: StateGlyphProps) {
  return (
    <svg className={`state-glyph is-${state}`} viewBox="0 0 24 24" aria-hidden="true">
      <rect className="ground" x="0.5" y="0.5" width="23" height="23" rx="3" />
      {state === 'unknown' && <path className="hatch" d="M0 9L9 0M0 18L18 0M0 27L27 0M6 27L27 6M15 27L27 15" />}
      {state !== 'suspect' && <path className="mark" d={linkMark(state, outcome)} />}
      {lossy && <path className="drop" d={DROP} />}
      {unreliable && <path className="notch" d="M0.5 0.5H11L0.5 11Z" />}
    </svg>
  );
}

/** The state of a pod as a small shape with a mark. `slow-to-reach`: healthy with a red badge; `starved`: with a wave. */
export function PodMark({ state }: { state: PodHealth | 'slow-to-reach' | 'starved' }) {
  const health = state === 'slow-to-reach' || state === 'starved' ? 'healthy' : state;
  const tones: Record<string, string> = { healthy: 'good', failing: 'failed' };
  const tone = state === 'starved' ? state : (tones[health] ?? health);
  return (
    <svg className={`pod-state is-${tone}`} viewBox="0 0 24 24" aria-hidden="true">
      {health === 'failing' ? (
        <path className="shape" d={OCTAGON} />
      ) : (
        <circle className="shape" cx="12" cy="12" r="10.5" />
      )}
      <path className="mark" d={state === 'starved' ? WAVE : POD_MARKS[health]} />
      {state === 'slow-to-reach' && (
        <>
          <circle className="badge" cx="19" cy="5" r="6.5" />
          <path className="bars" d="M16 3.5H22M16 6.5H22" />
        </>
      )}
    </svg>
  );
}
