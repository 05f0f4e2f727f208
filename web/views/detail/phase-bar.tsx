import { latencyText } from '../../pure/figures.ts';
import type { LinkFacts } from '../../pure/link-facts.ts';
import { barSegments } from '../../pure/phase-bar.ts';
import './detail.css';

interface PhaseBarProps {
  facts: LinkFacts;
  problemMs: number;
  timeoutMs: number;
}

/** A probe as a stacked bar from 0 to the timeout: connect, first byte, the rest. A line marks the problem threshold. */
export function PhaseBar({ facts, problemMs, timeoutMs }: PhaseBarProps) {
  const segments = barSegments(facts, timeoutMs * 1000);
  const problem = (problemMs / timeoutMs) * 100;
  return (
    <div className="phase-bar" role="img" aria-label={labelOf(facts, timeoutMs)}>
      {segments.map(({ part, from, share }) => (
        <span
          key={part}
          className={`phase-part is-${part}`}
          style={{ left: `${(from * 100).toFixed(2)}%`, width: `${(share * 100).toFixed(2)}%` }}
        />
      ))}
      {problem < 100 && <span className="phase-problem" style={{ left: `${problem.toFixed(2)}%` }} />}
      <span className="phase-timeout" />
    </div>
  );
}

function labelOf({ connectUs, firstByteUs, totalUs }: LinkFacts, timeoutMs: number): string {
  if (totalUs < 0) return 'No data';
  const parts = [`total ${latencyText(totalUs)}`];
  if (connectUs >= 0) parts.push(`connect ${latencyText(connectUs)}`);
  if (firstByteUs >= 0) parts.push(`first byte ${latencyText(firstByteUs)}`);
  return `${parts.join(', ')}; timeout ${latencyText(timeoutMs * 1000)}`;
}
