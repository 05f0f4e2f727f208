import { failedShare } from '../../../server/protocol/link-quality.ts';
import { latencyCode, type Thresholds } from '../../../server/protocol/link-state.ts';
import { countText } from '../../../server/runtime/count-text.ts';
import { bodyOf } from '../../components/phase-bar.tsx';
import { timesUsual } from '../../model/figures.ts';
import { latencyText, successText, timesText } from '../../model/format.ts';
import { lossText } from '../../model/phase-words.ts';
import type { LinkDirection } from './link-direction.ts';
import { summarise } from './sample-chart.tsx';

/** The tone of a latency by its code; see `latencyCode`. */
const TONES = [undefined, undefined, 'tone-warning is-late', 'tone-slow is-late'];

interface LinkFiguresProps {
  directions: readonly LinkDirection[];
  thresholds: Thresholds;
}

/** A table with the latencies and samples of both directions. Late values are emphasised. */
export function LinkFigures({ directions, thresholds }: LinkFiguresProps) {
  const tone = (us: number) => TONES[latencyCode(us, thresholds)];
  const columns = directions.map(({ facts, samples }) => {
    const sum = samples.samples === null ? null : summarise(samples.samples.samples);
    const percentiles = sum ?? facts.stats;
    const { stats } = facts;
    const failedOf = sum?.failedShare ?? (stats === null ? -1 : failedShare(stats.counted, stats.failures));
    const usualUs = samples.samples?.usualUs ?? stats?.usualUs ?? -1;
    const times = facts.outcome === 'ok' ? timesUsual(facts.totalUs, usualUs) : -1;
    const [count, failed] = sum === null ? [facts.stats?.samples, facts.stats?.failures] : [sum.count, sum.failed];
    const phase = (us: number) => ({ text: latencyText(us), tone: tone(us) });
    return {
      Connect: phase(facts.connectUs),
      'First byte': phase(facts.firstByteUs),
      Body: phase(bodyOf(facts)),
      'p50 / p95': {
        text: percentiles === null || percentiles.p50Us < 0 ? '–' : pairText(percentiles.p50Us, percentiles.p95Us),
        tone: undefined,
      },
      Jitter: { text: latencyText(sum?.jitterUs ?? stats?.jitterUs ?? -1), tone: undefined },
      Usually: {
        text: usualUs < 0 ? '–' : `${latencyText(usualUs)}${times < 0 ? '' : `, now ${timesText(times)}`}`,
        tone: undefined,
      },
      'UDP round trip': { text: latencyText(facts.udp?.rttUs ?? -1), tone: undefined },
      Datagrams: {
        text: facts.udp === null ? '–' : `${countText(facts.udp.sent)}, ${lossText(facts.udp)}`,
        tone: facts.lossy ? 'tone-warning is-late' : undefined,
      },
      Hops: { text: facts.udp === null || facts.udp.hops < 0 ? '–' : String(facts.udp.hops), tone: undefined },
      'Success rate': { text: successText(failedOf), tone: undefined },
      'Samples, failed': { text: count === undefined ? '–' : `${count}, ${failed}`, tone: undefined },
    };
  });
  const isMeasured = directions.some(({ facts }) => facts.udp !== null);
  const rows = (Object.keys(columns[0] ?? {}) as (keyof (typeof columns)[number])[]).filter(
    (row) => isMeasured || !OF_UDP.has(row),
  );
  return (
    <table className="figures">
      <thead>
        <tr>
          <td />
          {directions.map(({ name, fullName }) => (
            <th key={name} scope="col" title={fullName}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row}>
            <th scope="row">{row}</th>
            {directions.map(({ name }, i) => (
              <td key={name} className={columns[i]?.[row].tone}>
                {columns[i]?.[row].text}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The rows of the UDP probe, which are not shown without it. */
const OF_UDP: ReadonlySet<string> = new Set(['UDP round trip', 'Datagrams', 'Hops']);

/** Two latencies as "252 / 255 ms", with one unit if both have the same. */
function pairText(aUs: number, bUs: number): string {
  const [a, b] = [latencyText(aUs), latencyText(bUs)];
  const unit = b.slice(b.lastIndexOf(' '));
  return a.endsWith(unit) ? `${a.slice(0, -unit.length)} / ${b}` : `${a} / ${b}`;
}
