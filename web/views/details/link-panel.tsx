import type { Finding } from '../../../server/protocol/finding.ts';
import { failedShare } from '../../../server/protocol/link-quality.ts';
import { latencyCode, type Thresholds } from '../../../server/protocol/link-state.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { countText } from '../../../server/runtime/count-text.ts';
import { latencyParts, latencyText } from '../../../server/runtime/measure-text.ts';
import { FindingList } from '../../components/finding-list.tsx';
import { CopyName, NextSteps } from '../../components/next-steps.tsx';
import { bodyOf, PhaseBar } from '../../components/phase-bar.tsx';
import { StateGlyph } from '../../components/state-glyph.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { timesUsual } from '../../model/figures.ts';
import { findingsOfLink, findingsOfNotice } from '../../model/findings.ts';
import { successText, timesText } from '../../model/format.ts';
import type { PodView } from '../../model/mesh-view.ts';
import { factsTitle, factsTone, lateSince, sinceWords } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';
import { linkMessage, lossText } from '../../model/phase-words.ts';
import { HistoryChart, SampleChart, summarise } from './link-charts.tsx';
import { type LinkDirection, useDirection } from './link-direction.ts';

/** Maximum number of findings, so that the measurements stay visible. */
const MAX_FINDINGS = 3;

/** The panel of a selected link: both directions side by side, what is wrong, and what to check. */
export function LinkPanel({ props, from, to }: { props: ViewProps; from: PodView; to: PodView }) {
  const { picture, thresholds } = props;
  const { pingTimeoutMs: timeoutMs, pingNumber, refreshIntervalMs } = picture.mesh.settings;
  const isSelf = from === to;
  const forward = useDirection(props, from, to);
  const backward = useDirection(props, to, from, isSelf);
  const directions = isSelf ? [forward] : [forward, backward];
  const there = forward.facts;
  const back = isSelf ? there : backward.facts;
  const { problemMs } = thresholds;
  const [foundThere = [], foundBack = foundThere] = directions.map((direction) => findingsOf(picture.mesh, direction));
  const findings = picture.mesh.findings.filter((one) => foundThere.includes(one) || foundBack.includes(one));
  const message = linkMessage(there, back, {
    from: from.name,
    to: to.name,
    timeoutMs,
    pingNumber,
    isPinging: refreshIntervalMs > 0,
    isForwardExplained: foundThere.length > 0,
    isReverseExplained: foundBack.length > 0,
  });
  return (
    <div className="detail column">
      <h2 id="panel-title">
        <span className="detail-kind second">{isSelf ? 'Link to itself' : 'Link, both directions'}</span>
        <CopyName view={from} />
        {!isSelf && (
          <>
            {' ⇄ '}
            <CopyName view={to} />
          </>
        )}
      </h2>
      <div className={`finding is-${message.tone}`}>
        <b>{message.title}</b>
        {message.text !== '' && <p>{message.text}</p>}
      </div>
      <FindingList
        props={props}
        brief
        mesh={{ findings, pods: picture.mesh.pods }}
        most={MAX_FINDINGS}
        inNotice={findingsOfNotice(picture.mesh.findings)[0]}
      />
      <div className="ways">
        {directions.map((direction) => (
          <DirectionFacts key={direction.name} direction={direction} props={props} />
        ))}
      </div>
      <section>
        <h3>Time by phase</h3>
        {directions.map((direction) => (
          <div key={direction.name} className="way-bar">
            <p className="second spread" title={direction.fullName}>
              <span>{direction.name}</span>
              <b className={`tone-${direction.facts.state}`}>{latencyText(direction.facts.totalUs)}</b>
            </p>
            <PhaseBar facts={direction.facts} problemMs={problemMs} timeoutMs={timeoutMs} />
          </div>
        ))}
        <BarScale problemMs={problemMs} timeoutMs={timeoutMs} directions={directions} />
      </section>
      <LinkFigures directions={directions} thresholds={thresholds} />
      <details className="panel-steps">
        <summary>Next steps</summary>
        <NextSteps props={props} pod={to.pod} source={from.pod} />
      </details>
    </div>
  );
}

/** The findings that explain a direction that is not good. */
function findingsOf(mesh: Mesh, { from, to, facts }: LinkDirection): Finding[] {
  const isFine = (facts.state === 'good' || facts.state === 'fair') && !facts.lossy;
  return isFine ? [] : findingsOfLink(mesh, from.index, to.index);
}

function DirectionFacts({ direction, props }: { direction: LinkDirection; props: ViewProps }) {
  const { facts, samples, past } = direction;
  const { nowMs, thresholds } = props;
  const isNow = props.picture.mesh.past === null;
  const lateMs = facts.state === 'warning' ? thresholds.warningMs : thresholds.problemMs;
  const late = samples.value === null ? null : lateSince(samples.value, lateMs * 1000, nowMs);
  const { since, span } = sinceWords(facts, late, nowMs);
  const { figure, unit } = latencyParts(facts.outcome === 'ok' ? facts.totalUs : -1);
  return (
    <section className="way" aria-label={direction.name}>
      <h3 className="second clip" title={direction.fullName}>
        {direction.name}
      </h3>
      <p className={`way-state tone-${factsTone(facts)}`}>
        <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} lossy={facts.lossy} />
        {factsTitle(facts)}
      </p>
      <p className="way-figure">
        {figure}
        {unit !== '' && <span className="second"> {unit}</span>}
      </p>
      <p className="way-since second">
        {since === '' ? (
          'not measured'
        ) : (
          <>
            <span>{since}</span> <span>{span}</span>
          </>
        )}
      </p>
      <SampleChart of={samples} state={facts.state} problemMs={thresholds.problemMs} isNow={isNow} />
      <HistoryChart of={past} problemMs={thresholds.problemMs} momentMs={isNow ? null : nowMs} />
      {facts.detail !== '' && <code className="way-error">{shownName(facts.detail)}</code>}
    </section>
  );
}

function BarScale(scale: { problemMs: number; timeoutMs: number; directions: readonly LinkDirection[] }) {
  const { problemMs, timeoutMs, directions } = scale;
  const share = problemMs / timeoutMs;
  const isApart = share > 0.12 && share < 0.6;
  const failed = directions.some(({ facts }) => facts.state === 'failed');
  return (
    <>
      <p className="bar-scale small spread" aria-hidden="true">
        <span>0</span>
        {isApart && <span style={{ left: `${share * 100}%` }}>problem {problemMs}</span>}
        <span>timeout {timeoutMs} ms</span>
      </p>
      <ul className="bar-legend second">
        <li className="is-connect">connect</li>
        <li className="is-first-byte">first byte</li>
        <li className="is-body">body</li>
        {failed && <li className="is-failed">before failure</li>}
      </ul>
    </>
  );
}

/** The class of a latency by its code; see `latencyCode`. */
const TONES = [undefined, undefined, 'tone-warning is-late', 'tone-slow is-late'];

/** The figures of a direction by their names, each with its class. `withUdp`: a direction has results of the UDP probe. */
function figuresOf({ facts, samples: { value } }: LinkDirection, thresholds: Thresholds, withUdp: boolean) {
  const { stats, udp } = facts;
  const all = value === null ? stats : summarise(value.samples);
  const usualUs = value?.usualUs ?? stats?.usualUs ?? -1;
  const times = facts.outcome === 'ok' ? timesUsual(facts.totalUs, usualUs) : -1;
  const phase = (us: number) => [latencyText(us), TONES[latencyCode(us, thresholds)]];
  const figures: Record<string, (string | undefined)[]> = {
    Connect: phase(facts.connectUs),
    'First byte': phase(facts.firstByteUs),
    Body: phase(bodyOf(facts)),
    'p50 / p95': [all === null || all.p50Us < 0 ? '–' : pairText(all.p50Us, all.p95Us)],
    Jitter: [latencyText(all?.jitterUs ?? -1)],
    Usually: [usualUs < 0 ? '–' : `${latencyText(usualUs)}${times < 0 ? '' : `, now ${timesText(times)}`}`],
  };
  if (withUdp) {
    const loss = udp === null ? '–' : `${countText(udp.sent)}, ${lossText(udp)}`;
    figures['UDP round trip'] = [latencyText(udp?.rttUs ?? -1)];
    figures['Datagrams'] = [loss, facts.lossy ? 'tone-warning is-late' : undefined];
    figures['Hops'] = [udp === null || udp.hops < 0 ? '–' : String(udp.hops)];
  }
  figures['Success rate'] = [successText(all === null ? -1 : failedShare(all.counted, all.failures))];
  figures['Samples, failed'] = [all === null ? '–' : samplesText(all)];
  return figures;
}

/** A table with the latencies and samples of both directions. Late values are emphasised. */
function LinkFigures(table: { directions: readonly LinkDirection[]; thresholds: Thresholds }) {
  const { directions, thresholds } = table;
  const withUdp = directions.some(({ facts }) => facts.udp !== null);
  const columns = directions.map((direction) => figuresOf(direction, thresholds, withUdp));
  return (
    <table className="figures">
      <thead>
        <tr>
          <td />
          {directions.map(({ name, fullName }) => (
            <th key={name} scope="col" className="second clip" title={fullName}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {Object.keys(columns[0] ?? {}).map((row) => (
          <tr key={row}>
            <th scope="row">{row}</th>
            {directions.map(({ name }, i) => {
              const [text, tone] = columns[i]?.[row] ?? [];
              return (
                <td key={name} className={tone}>
                  {text}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The samples of the success rate and how many of them failed, and those that it leaves out: "9, 0 (+ 1 unreliable)". */
export function samplesText(of: { samples: number; counted: number; failures: number }): string {
  const leftOut = of.samples - of.counted;
  return `${countText(of.counted)}, ${countText(of.failures)}${leftOut > 0 ? ` (+ ${countText(leftOut)} unreliable)` : ''}`;
}

/** Two latencies as "252 / 255 ms", with one unit if both have the same. */
function pairText(aUs: number, bUs: number): string {
  const [a, b] = [latencyText(aUs), latencyText(bUs)];
  const unit = b.slice(b.lastIndexOf(' '));
  return a.endsWith(unit) ? `${a.slice(0, -unit.length)} / ${b}` : `${a} / ${b}`;
}
