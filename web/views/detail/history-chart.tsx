import { clockText, countText, latencyText, plural, spanText } from '../../pure/figures.ts';
import { plotHistory, stepsUntil, summariseHistory } from '../../pure/history-plot.ts';
import { shownName } from '../../pure/names.ts';
import type { HistoryState } from './use-link-history.ts';

const WIDTH = 170;
const HEIGHT = 36;

interface HistoryChartProps {
  of: HistoryState;
  problemMs: number;
  /** The viewed time, ms since the epoch; null = live. */
  momentMs: number | null;
}

/** The history of a link as a small plot: medians, the range around them, and bars for failures. */
export function HistoryChart({ of: { history, error }, problemMs, momentMs }: HistoryChartProps) {
  const untilMs = history === null ? 0 : Math.min(history.nowMs, momentMs ?? history.nowMs);
  const steps = history === null ? [] : stepsUntil(history, untilMs);
  const [first] = steps;
  if (first === undefined) {
    const empty = history === null ? 'Loading history' : 'No history yet';
    return <p className="sample-none">{error === '' ? empty : `History not available: ${shownName(error)}`}</p>;
  }
  const plot = plotHistory(steps, untilMs, problemMs * 1000, WIDTH, HEIGHT);
  const { samples, failed, maxUs } = summariseHistory(steps);
  const span = spanText(untilMs - plot.fromMs);
  const words = `Last ${span} in steps of ${spanText(first.lengthMs)}: ${plural(samples, 'sample')}, ${countText(failed)} failed, slowest ${latencyText(maxUs)}`;
  return (
    <figure className="sample-chart is-past">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        <title>{words}</title>
        <rect className="sample-ground" width={WIDTH} height={HEIGHT} />
        <path className="past-band" d={plot.band} />
        <line className="sample-problem" x1="0" x2={WIDTH} y1={plot.problemY} y2={plot.problemY} />
        {plot.failures.map(({ x, width, height }) => (
          <rect key={x} className="past-failure" x={x} y={HEIGHT - height} width={width} height={height} />
        ))}
        <path className="past-line" d={plot.line} />
      </svg>
      <figcaption>
        <span>{clockText(plot.fromMs, untilMs)}</span>
        <span className={failed > 0 ? 'tone-failed' : undefined}>
          {failed > 0 ? `${countText(failed)} failed` : 'none failed'}
        </span>
        <span>{momentMs === null && error === '' ? 'now' : clockText(untilMs)}</span>
      </figcaption>
    </figure>
  );
}
