import type { Outcome } from '../../../server/contract/outcome.ts';
import type { LinkState } from '../../pure/link-state.ts';
import { linkMark } from '../../pure/marks.ts';
import './detail.css';

/** The square of a state with its mark, as the heatmap's cells have it. It only repeats what words say. */
export function StateSwatch({ state, outcome = null }: { state: LinkState; outcome?: Outcome | null }) {
  return (
    <svg className={`state-swatch is-${state}`} viewBox="0 0 24 24" aria-hidden="true">
      <rect x="1" y="1" width="22" height="22" rx="4" />
      <path d={linkMark(state, outcome)} />
    </svg>
  );
}
