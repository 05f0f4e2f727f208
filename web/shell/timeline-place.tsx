import { clockText, countText } from '../pure/figures.ts';
import { STRIP_MS, type StripPoint, stripPath, stripX } from '../pure/strip.ts';
import './timeline-place.css';

/** The strip below the view: failed and slow links since this page was opened, at most 20 minutes of them. */
export function TimelinePlace({ points, nowMs }: { points: readonly StripPoint[]; nowMs: number }) {
  const most = Math.max(0, ...points.map((point) => point.failed + point.slow));
  const firstMs = points[0]?.atMs ?? nowMs;
  const failed = stripPath(
    points,
    nowMs,
    (point) => point.failed,
    () => 0,
    most,
  );
  const slow = stripPath(
    points,
    nowMs,
    (point) => point.slow,
    (point) => point.failed,
    most,
  );
  return (
    <section className="timeline" aria-label="Timeline">
      <div className="timeline-title">
        <h2>Timeline</h2>
        <span>seen since {clockText(firstMs, nowMs)}</span>
      </div>
      <span className="timeline-scale" aria-hidden="true">
        <span>{most > 0 ? countText(most) : ''}</span>
        <span>0</span>
      </span>
      <div className="timeline-chart">
        <svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label={wordsOf(points, most)}>
          <rect className="strip-unseen" width={stripX(firstMs, nowMs)} height={100} />
          {failed !== '' && <path className="strip-failed" d={failed} />}
          {slow !== '' && <path className="strip-slow" d={slow} />}
        </svg>
        <div className="timeline-times" aria-hidden="true">
          {[15, 10, 5].map((minutes) => (
            <span key={minutes}>{clockText(nowMs - minutes * 60_000, nowMs).slice(0, -3)}</span>
          ))}
        </div>
      </div>
      <span className="timeline-now">now</span>
    </section>
  );
}

function wordsOf(points: readonly StripPoint[], most: number): string {
  const span = `the last ${STRIP_MS / 60_000} minutes, as far as this page has seen them`;
  if (most === 0) return `No failed and no slow link in ${span}`;
  const last = points[points.length - 1];
  return `At most ${most} failed or slow links in ${span}; now ${(last?.failed ?? 0) + (last?.slow ?? 0)}`;
}
