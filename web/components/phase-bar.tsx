import './phase-bar.css';
import { latencyText } from '../../server/runtime/measure-text.ts';
import type { LinkFacts } from '../model/link-facts.ts';

type Phases = Pick<LinkFacts, 'connectUs' | 'firstByteUs' | 'totalUs' | 'outcome'>;

interface PhaseBarProps {
  facts: LinkFacts;
  problemMs: number;
  timeoutMs: number;
}

/** A probe as a stacked bar from 0 to the timeout: connect, first byte, body. A line marks the problem threshold. */
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

/** The time of the body, us: from the first byte to the end; -1 = not measured. */
export function bodyOf({ outcome, connectUs, firstByteUs, totalUs }: Phases): number {
  if (outcome !== 'ok' || connectUs < 0 || firstByteUs < 0) return -1;
  return Math.max(0, totalUs - firstByteUs - (isOverOpen({ connectUs, firstByteUs, totalUs }) ? 0 : connectUs));
}

/**
 * Whether the ping used an open connection: its `connectUs` is that of the last new one, and no part of the total. Packed times
 * are rounded, so the sum must be larger than the total by more than that.
 */
function isOverOpen({ connectUs, firstByteUs, totalUs }: Omit<Phases, 'outcome'>): boolean {
  return connectUs >= 0 && firstByteUs >= 0 && connectUs + firstByteUs > totalUs * 1.01 + 5;
}

/** The phases in words, without the body. */
export function phaseTexts(facts: Phases): string[] {
  const connect = isOverOpen(facts) ? 'open connection' : `connect ${latencyText(facts.connectUs)}`;
  return [
    facts.connectUs >= 0 ? connect : '',
    facts.firstByteUs >= 0 ? `first byte ${latencyText(facts.firstByteUs)}` : '',
  ].filter(Boolean);
}

function labelOf(facts: LinkFacts, timeoutMs: number): string {
  if (facts.totalUs < 0) return 'No data';
  const parts = [`total ${latencyText(facts.totalUs)}`, ...phaseTexts(facts)];
  const bodyUs = bodyOf(facts);
  if (bodyUs >= 0) parts.push(`body ${latencyText(bodyUs)}`);
  return `${parts.join(', ')}; timeout ${latencyText(timeoutMs * 1000)}`;
}

/** A segment of a bar; `from` and `share` are shares (0..1) of the bar. */
export interface BarSegment {
  part: 'connect' | 'first-byte' | 'body' | 'total' | 'failed';
  from: number;
  share: number;
}

/** A shorter segment is not seen: a body is left out then, other phases are drawn longer. */
const MIN_SHARE = 0.008;

/**
 * The phases of a probe as segments of a bar that ends at `timeoutUs`. `body`: the time after the first byte; `total`:
 * the whole time if phases were not measured; `failed`: the time spent in the phase that failed.
 */
export function barSegments(facts: Phases, timeoutUs: number): BarSegment[] {
  const { firstByteUs, totalUs, outcome } = facts;
  const connectUs = isOverOpen(facts) ? -1 : facts.connectUs;
  if (totalUs < 0 || outcome === null || !(timeoutUs > 0)) return [];
  const failed = outcome !== 'ok';
  const parts: [BarSegment['part'], number][] = [];
  if (connectUs >= 0) parts.push(['connect', connectUs]);
  if (firstByteUs >= 0) parts.push(['first-byte', firstByteUs]);
  const rest = totalUs - Math.max(0, connectUs) - Math.max(0, firstByteUs);
  if (failed) parts.push(['failed', Math.max(0, rest)]);
  else if (parts.length === 0) parts.push(['total', totalUs]);
  else if (rest > 0) parts.push(['body', rest]);
  const segments: BarSegment[] = [];
  let at = 0;
  for (const [part, us] of parts) {
    const isSeen = part !== 'body' || us / timeoutUs >= MIN_SHARE;
    if (!isSeen) continue;
    const share = Math.min(1 - at, Math.max(MIN_SHARE, us / timeoutUs));
    if (share > 0) segments.push({ part, from: at, share });
    at += share;
  }
  return segments;
}
