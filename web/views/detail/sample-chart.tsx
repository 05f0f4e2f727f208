import { clockText, latencyText, plural, spanText } from '../../pure/figures.ts';
import type { LinkState } from '../../pure/link-state.ts';
import { shownName } from '../../pure/names.ts';
import { plotSamples, summarise } from '../../pure/sample-plot.ts';
import type { SamplesState } from './use-samples.ts';

const WIDTH = 170;
const HEIGHT = 44;

interface SampleChartProps {
  of: SamplesState;
  state: LinkState;
  problemMs: number;
  /** Whether it ends now; otherwise at the viewed time. */
  isNow: boolean;
}

/** Recent samples of a link as a small plot. Failures are vertical lines. */
export function SampleChart({ of, state, problemMs, isNow }: SampleChartProps) {
  const { samples, error } = of;
  if (samples === null || samples.samples.length === 0) {
    return (
      <p className="sample-none">
        {error === '' ? (samples === null ? 'Loading samples' : 'No samples yet') : shownName(error)}
      </p>
    );
  }
  const plot = plotSamples(samples.samples, samples.nowMs, problemMs * 1000, WIDTH, HEIGHT);
  const { count, failed, p50Us, p95Us } = summarise(samples.samples);
  const words = `${plural(count, 'sample')} in ${spanText(samples.nowMs - plot.fromMs)}, ${failed} failed, median ${latencyText(p50Us)}, 95th percentile ${latencyText(p95Us)}`;
  return (
    <figure className="sample-chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        <rect className="sample-ground" width={WIDTH} height={HEIGHT} />
        <line className="sample-problem" x1="0" x2={WIDTH} y1={plot.problemY} y2={plot.problemY} />
        {plot.failures.map((x, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two failures may share a place
          <line key={i} className="sample-failure" x1={x} x2={x} y1="2" y2={HEIGHT - 2} />
        ))}
        <path className={`sample-line is-${state}`} d={plot.line} />
        {plot.suspects.map(({ x, y }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two samples may share a place
          <line key={i} className="sample-suspect" x1={x} x2={x} y1={y - 3} y2={y + 3} />
        ))}
      </svg>
      <figcaption>
        <span>{clockText(plot.fromMs, samples.nowMs)}</span>
        <span>{isNow ? 'now' : clockText(samples.nowMs)}</span>
      </figcaption>
    </figure>
  );
}
