import type { Round } from '../../../server/protocol/rounds.ts';
import { clockText } from '../../model/format.ts';
import { roundSeries } from '../../model/rounds.ts';

interface RoundsProps {
  rounds: readonly Round[];
  nowMs: number;
  onPick(atMs: number): void;
}

/** The rounds of ongoing experiments: one bar each, as high as the pod needed to get ready. Failed rounds stand out. */
export function Rounds({ rounds, nowMs, onPick }: RoundsProps) {
  return roundSeries(rounds).map(({ name, bars, words }) => (
    <section className="rounds" key={name} aria-label={`Rounds of ${name}`}>
      <h3>{name}</h3>
      <ol>
        {bars.map((bar) => (
          <li key={bar.uid} className={`is-${bar.state}`}>
            <button
              type="button"
              title={`${clockText(bar.atMs, nowMs)} ${bar.words}`}
              aria-label={`${clockText(bar.atMs, nowMs)} ${bar.words}`}
              onClick={() => onPick(bar.atMs)}
            >
              <span style={{ height: `${Math.round(12 + bar.share * 88)}%` }}>{bar.state === 'failed' ? '×' : ''}</span>
            </button>
          </li>
        ))}
      </ol>
      <p>{words}</p>
    </section>
  ));
}
