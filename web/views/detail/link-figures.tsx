import { latencyText } from '../../pure/figures.ts';
import { summarise } from '../../pure/sample-plot.ts';
import type { LinkDirection } from './link-direction.ts';

interface LinkFiguresProps {
  ways: readonly LinkDirection[];
  problemUs: number;
  warningUs: number;
}

/** The figures of both directions in a table; what is late stands out. */
export function LinkFigures({ ways, problemUs, warningUs }: LinkFiguresProps) {
  const tone = (us: number) =>
    us >= problemUs ? 'tone-slow is-late' : us >= warningUs ? 'tone-warning is-late' : undefined;
  const sums = ways.map(({ samples }) => (samples.samples === null ? null : summarise(samples.samples.samples)));
  return (
    <table className="figures">
      <thead>
        <tr>
          <td />
          {ways.map(({ name }) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">Connect</th>
          {ways.map(({ name, facts }) => (
            <td key={name} className={tone(facts.connectUs)}>
              {latencyText(facts.connectUs)}
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">First byte</th>
          {ways.map(({ name, facts }) => (
            <td key={name} className={tone(facts.firstByteUs)}>
              {latencyText(facts.firstByteUs)}
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">p50 / p95</th>
          {ways.map(({ name, facts }, i) => {
            const sum = sums[i] ?? facts.stats;
            return <td key={name}>{sum === null || sum.p50Us < 0 ? '–' : pairText(sum.p50Us, sum.p95Us)}</td>;
          })}
        </tr>
        <tr>
          <th scope="row">Samples, failed</th>
          {ways.map(({ name, facts }, i) => {
            const sum = sums[i];
            if (sum != null) return <td key={name}>{`${sum.count}, ${sum.failed}`}</td>;
            return <td key={name}>{facts.stats === null ? '–' : `${facts.stats.samples}, ${facts.stats.failures}`}</td>;
          })}
        </tr>
      </tbody>
    </table>
  );
}

/** "252 / 255 ms": the unit once where both have it. */
function pairText(aUs: number, bUs: number): string {
  const [a, b] = [latencyText(aUs), latencyText(bUs)];
  const unit = b.slice(b.lastIndexOf(' '));
  return a.endsWith(unit) ? `${a.slice(0, -unit.length)} / ${b}` : `${a} / ${b}`;
}
