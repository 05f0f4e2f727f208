import type { Pod } from '../../../server/protocol/pod.ts';
import { countText } from '../../../server/runtime/count-text.ts';
import { durationText, latencyText } from '../../../server/runtime/measure-text.ts';
import { FindingList } from '../../components/finding-list.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import { CopyName, NextSteps } from '../../components/next-steps.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { probeName } from '../../model/external-targets.ts';
import { findingsOfNotice, findingsOfPod } from '../../model/findings.ts';
import { clockText } from '../../model/format.ts';
import { chooseLinks } from '../../model/link-choice.ts';
import { linkFacts } from '../../model/link-facts.ts';
import { type LinkState, stateAt } from '../../model/links.ts';
import type { Picture, PodView } from '../../model/mesh-view.ts';
import { linkWords, PASSIVE, podWords, unexplainedReasons } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';

/** How many links a list shows at first, and how many links, pings or probes at most. */
const FEW = 12;
const MAX = 300;
const MAX_FINDINGS = 4;

/** The panel of a selected pod: its state, where it runs, and its links in both directions, the worst first. */
export function PodPanel({ props, view }: { props: ViewProps; view: PodView }) {
  const { picture, nowMs } = props;
  const words = podWords(picture, view, nowMs);
  const { mesh } = picture;
  const findings = findingsOfPod(mesh, view.index);
  // Health reasons that are not findings, for example that the pod did not report or knows other pods.
  const reasons = mesh.health.reasons.find(({ pod }) => pod === view.index)?.why ?? [];
  const why = unexplainedReasons(reasons, findings).slice(0, 5);
  const tone = view.health === 'healthy' && view.slowToReach ? 'slow' : words.tone;
  return (
    <div className="detail column">
      <h2 id="panel-title">
        <span className="detail-kind second">Pod</span>
        <CopyName view={view} />
      </h2>
      <div className={`finding is-${tone}`}>
        <b>
          {words.state}
          {words.note !== '' && <span className={`tone-${words.noteTone}`}> · {words.note}</span>}
        </b>
        {why.map((reason) => (
          <p key={reason}>{shownName(reason)}</p>
        ))}
      </div>
      <FindingList
        props={props}
        mesh={{ findings, pods: mesh.pods }}
        most={MAX_FINDINGS}
        inNotice={findingsOfNotice(mesh.findings)[0]}
      />
      <PodFacts props={props} view={view} />
      <details className="panel-steps">
        <summary>Next steps</summary>
        <NextSteps props={props} pod={view.pod} />
      </details>
      {view.health === 'gone' ? (
        <Results title="Last inbound pings" of={lastPingsInto(picture, view.index)} />
      ) : (
        <>
          <PodLinks props={props} view={view} direction="inbound" />
          <PodLinks props={props} view={view} direction="outbound" />
          <PodProbes picture={picture} view={view} />
        </>
      )}
    </div>
  );
}

const CORDON_TEXTS = {
  cordoned: 'no new pods are put on the node',
  ignored: 'left out of health, findings, verdicts and alerts (IGNORE_CORDONED)',
};

function PodFacts({ props, view }: { props: ViewProps; view: PodView }) {
  const { mesh, reportOf } = props.picture;
  const { nowMs } = props;
  const { pod } = view;
  const report = mesh.reports[reportOf[view.index] ?? -1];
  const successor = props.picture.pods.find((other) => other.pod.uid === pod.replacedBy);
  const facts: [string, string][] = [
    ['Node', [pod.node, pod.zone].map(shownName).filter(Boolean).join(' · ') || 'unknown'],
    ['Address', pod.podIPs.map(shownName).join(', ') || 'none yet'],
    ['Namespace', shownName(pod.namespace)],
    ['Lifetime', lifetimeText(pod, nowMs)],
    [pod.lifecycle.replace('-', ' '), `since ${clockText(pod.sinceMs, nowMs)}, ${durationText(nowMs - pod.sinceMs)}`],
  ];
  if (pod.lifecycle === 'gone' && pod.reason !== '') facts.push(['Reason', shownName(pod.reason)]);
  if (successor !== undefined) {
    facts.push(['Replaced by', successor.name]);
    const recovery = recoveryText(pod, successor.pod);
    if (recovery !== '') facts.push(['Replacement ready', recovery]);
  }
  const predecessor = props.picture.pods.find((other) => other.pod.replacedBy === pod.uid);
  if (predecessor !== undefined)
    facts.push(['Replaces', `${predecessor.name}, gone since ${clockText(predecessor.pod.sinceMs, nowMs)}`]);
  if (pod.cordon !== '') facts.push(['Cordoned', CORDON_TEXTS[pod.cordon]]);
  if (view.passive) facts.push(['Mode', `${PASSIVE}: ${shownName(report?.missingDetail ?? '')}`]);
  else if (report !== undefined && report.missing !== '')
    facts.push(['Report', `${report.missing}: ${shownName(report.missingDetail)}`]);
  if (report !== undefined && report.missing === '' && report.bootTimeMs > 0) {
    facts.push(['Process', `started ${clockText(report.bootTimeMs, nowMs)}`]);
  }
  if (report?.starvation) facts.push(['Scheduling delay', `${latencyText(report.starvation.loopDelayP99Us)} at most`]);
  if (report?.via === 'check') facts.push(['Protocol', 'Goldpinger /check']);
  return (
    <dl className="pod-facts second column">
      {facts.map(([term, text]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

/** When a pod was created, and how long it has lived: "created 14:03:12, 2 h 5 min ago", "created 14:03:12, lived 42 s". */
export function lifetimeText({ createdMs, lifecycle, sinceMs }: Pod, nowMs: number): string {
  if (createdMs <= 0) return 'unknown';
  const created = `created ${clockText(createdMs, nowMs)}`;
  if (lifecycle === 'gone') return `${created}, lived ${durationText(sinceMs - createdMs)}`;
  return `${created}, ${durationText(nowMs - createdMs)} ago`;
}

/** The links into or out of a pod, its link to itself included, the worst first. */
export function PodLinks(links: { props: ViewProps; view: PodView; direction: 'inbound' | 'outbound' }) {
  const { props, view, direction } = links;
  const { picture } = props;
  const { n } = picture;
  const request = { limit: 2 * n, only: 'all', pod: view.index, selfLinks: true } as const;
  const isMine = (pair: number) => (direction === 'inbound' ? pair % n : Math.floor(pair / n)) === view.index;
  const pairs = chooseLinks(picture, request).pairs.filter(isMine).reverse();
  const inState = (state: LinkState) => pairs.filter((pair) => stateAt(picture.state[pair]) === state).length;
  const [failed, slow] = [inState('failed'), inState('slow')];
  const list = (part: readonly number[]) => (
    <ul className="link-lines">
      {part.map((pair) => (
        <LinkButton key={pair} props={props} pair={pair} of={view.index} />
      ))}
    </ul>
  );
  return (
    <section>
      <h3>
        {direction === 'inbound' ? 'Inbound' : 'Outbound'}{' '}
        <span className="second">
          {countText(pairs.length)}
          {failed > 0 && `, ${countText(failed)} failed`}
          {slow > 0 && `, ${countText(slow)} slow`}
        </span>
      </h3>
      {list(pairs.slice(0, FEW))}
      {pairs.length > FEW && (
        <details>
          <summary>{countText(pairs.length - FEW)} more</summary>
          {list(pairs.slice(FEW, MAX))}
          <NotShown count={pairs.length - MAX} />
        </details>
      )}
    </section>
  );
}

function NotShown({ count }: { count: number }) {
  return count > 0 ? <p className="second">{countText(count)} more are not shown.</p> : null;
}

export function PodProbes({ picture, view }: { picture: Picture; view: PodView }) {
  const { mesh, reportOf } = picture;
  const all = mesh.reports[reportOf[view.index] ?? -1]?.probes ?? [];
  if (all.length === 0) return null;
  const results = all.map((probe) => {
    const { path, protocol, target, error, atMs, durationUs } = probe;
    const answer = atMs === 0 ? 'pending' : latencyText(durationUs);
    return {
      key: `${path} ${protocol} ${target}`,
      name: shownName(probeName(probe)),
      target: shownName(target),
      words: error === '' ? answer : shownName(error),
      tone: error !== '' ? 'failed' : atMs === 0 ? 'not-yet' : 'good',
    } as const;
  });
  return <Results title={all.some(({ path }) => path !== undefined) ? 'Paths and targets' : 'External'} of={results} />;
}

/** The result of a ping or a probe. `words`: "Refused since 15:07:38", "1.2 ms at 15:07:37". All safe to show. */
interface Result {
  key: string;
  name: string;
  /** The whole target of a probe. */
  target?: string;
  words: string;
  tone: 'good' | 'failed' | 'not-yet';
}

function Results({ title, of }: { title: string; of: readonly Result[] }) {
  const failed = of.filter(({ tone }) => tone === 'failed');
  const failedFirst = [...failed, ...of.filter(({ tone }) => tone !== 'failed')];
  return (
    <section>
      <h3>
        {title} <span className="second">{`${countText(of.length)}, ${countText(failed.length)} failed`}</span>
      </h3>
      <ul className="probe-list">
        {failedFirst.slice(0, MAX).map(({ key, name, target, words, tone }) => (
          <li key={key} className="spread">
            <span title={target}>{name}</span>
            <b className={`tone-${tone}`}>{words}</b>
          </li>
        ))}
      </ul>
      <NotShown count={of.length - MAX} />
    </section>
  );
}

/** The last pings of other pods into a pod that is gone (its index in `Mesh.pods`). */
export function lastPingsInto(picture: Picture, to: number): Result[] {
  const { pods, mesh } = picture;
  return pods.flatMap(({ index, name, pod }) => {
    const { outcome, totalUs, sinceMs, sampledMs } = linkFacts(picture, index, to);
    if (outcome === null || index === to) return [];
    const when = (word: string, atMs: number) => (atMs < 0 ? '' : ` ${word} ${clockText(atMs, mesh.atMs)}`);
    const isFailed = outcome !== 'ok';
    const words = isFailed
      ? `${linkWords({ state: 'failed', outcome })}${when('since', sinceMs)}`
      : `${latencyText(totalUs)}${when('at', sampledMs)}`;
    return [{ key: pod.uid, name, words, tone: isFailed ? 'failed' : 'good' }];
  });
}

/**
 * How long after the loss of a pod its successor became ready, for example "after about 2 s", or why it is still pending.
 * '' = unknown. The text is rounded, because Kubernetes reports times of readiness in whole seconds.
 */
export function recoveryText(lost: Pod, successor: Pod): string {
  if (lost.lifecycle !== 'gone') return '';
  if (successor.lifecycle === 'starting' || successor.lifecycle === 'not-ready') {
    return successor.lifecycle === 'starting' ? 'pending: starting' : 'pending: not ready';
  }
  if (successor.lifecycle !== 'ready') return '';
  const tookMs = Math.round((successor.sinceMs - lost.sinceMs) / 1000) * 1000;
  return tookMs < 2000 ? 'within 2 s' : `after about ${durationText(tookMs).replace('.0 s', ' s')}`;
}
