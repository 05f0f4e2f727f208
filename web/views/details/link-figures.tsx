import { latencyText } from '../../model/format.ts';
import type { LinkDirection } from './link-direction.ts';
import { summarise } from './sample-chart.tsx';

interface LinkFiguresProps {
  directions: readonly LinkDirection[];
  problemUs: number;
  warningUs: number;
}

/** A table with the latencies and samples of both directions. Late values are emphasised. */
export function LinkFigures({ directions, problemUs, warningUs }: LinkFiguresProps) {
  const tone = (us: number) =>
    us >= problemUs ? 'tone-slow is-late' : us >= warningUs ? 'tone-warning is-late' : undefined;
  const sums = directions.map(({ samples }) => (samples.samples === null ? null : summarise(samples.samples.samples)));
  return (
    <table className="figures">
      <thead>
        <tr>
          <td />
          {directions.map(({ name }) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">Connect</th>
          {directions.map(({ name, facts }) => (
            <td key={name} className={tone(facts.connectUs)}>
              {latencyText(facts.connectUs)}
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">First byte</th>
          {directions.map(({ name, facts }) => (
            <td key={name} className={tone(facts.firstByteUs)}>
              {latencyText(facts.firstByteUs)}
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">p50 / p95</th>
          {directions.map(({ name, facts }, i) => {
            const sum = sums[i] ?? facts.stats;
            return <td key={name}>{sum === null || sum.p50Us < 0 ? '–' : pairText(sum.p50Us, sum.p95Us)}</td>;
          })}
        </tr>
        <tr>
          <th scope="row">Samples, failed</th>
          {directions.map(({ name, facts }, i) => {
            const sum = sums[i];
            if (sum != null) return <td key={name}>{`${sum.count}, ${sum.failed}`}</td>;
            return <td key={name}>{facts.stats === null ? '–' : `${facts.stats.samples}, ${facts.stats.failures}`}</td>;
          })}
        </tr>
      </tbody>
    </table>
  );
}

/** Two latencies as "252 / 255 ms", with one unit if both have the same. */
function pairText(aUs: number, bUs: number): string {
  const [a, b] = [latencyText(aUs), latencyText(bUs)];
  const unit = b.slice(b.lastIndexOf(' '));
  return a.endsWith(unit) ? `${a.slice(0, -unit.length)} / ${b}` : `${a} / ${b}`;
}
