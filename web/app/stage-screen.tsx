import './stage-screen.css';
import type { ReactNode } from 'react';
import { latencyText } from '../../server/runtime/measure-text.ts';
import { PodMark } from '../components/state-glyph.tsx';
import type { ConnectionState } from '../data/connection.ts';
import { clockText, sentence } from '../model/format.ts';
import { linkFacts } from '../model/link-facts.ts';
import type { Picture, PodView } from '../model/mesh-view.ts';
import { shownName } from '../model/names.ts';
import { podListCommand } from '../model/next-steps.ts';
import { Retry } from './live-status.tsx';
import { namespaceText, type Stage } from './notices.ts';

interface StageScreenProps {
  stage: Exclude<Stage, 'picture'>;
  state: ConnectionState;
  picture: Picture | null;
  nowMs: number;
  onTryNow(): void;
}

/** The screen that is shown instead of a view: what is wrong, since when, and what happens next. */
export function StageScreen(props: StageScreenProps) {
  const { stage, picture } = props;
  return (
    <section className={`stage stage-${stage}`} aria-label="State">
      <StageSign stage={stage} self={picture?.pods[0]} />
      <div className="stage-words">
        <Words {...props} />
      </div>
    </section>
  );
}

function Words({ stage, state, picture, nowMs, onTryNow }: StageScreenProps) {
  if (stage === 'connecting') return <Message title="Loading">Waiting for the first data.</Message>;
  if (picture === null) {
    return (
      <Message title="Server unreachable">
        Since {clockText(state.sinceMs)}. {state.reason === '' ? '' : `${sentence(shownName(state.reason))} `}
        <Retry retryMs={state.retryMs} />
        <button type="button" onClick={onTryNow}>
          Try now
        </button>
      </Message>
    );
  }
  const { discovery } = picture.mesh;
  const since = clockText(discovery.sinceMs, nowMs);
  const selector = shownName(discovery.labelSelector) || 'every label';
  const place = namespaceText(discovery.namespace);
  switch (stage) {
    case 'waiting':
      return (
        <Message title="Waiting for the Kubernetes API" code={shownName(discovery.lastError?.message ?? '')}>
          Since {since}, attempt {discovery.attempts}. No pod list has arrived since this pod started.{' '}
          {discovery.nextAttemptMs > 0 ? 'Retrying automatically.' : ''}
        </Message>
      );
    case 'unauthorized':
      return (
        <Message title="The Kubernetes API rejects our token" code={shownName(discovery.lastError?.message ?? '')}>
          Since {since}. The token of the service account has expired, or the account was deleted. The token file is
          read again at each attempt.
        </Message>
      );
    case 'forbidden':
      return (
        <Message title={`Not allowed to list pods in ${place}`} code={shownName(discovery.lastError?.message ?? '')}>
          Denied since {since}. The service account needs <code>list</code> and <code>watch</code> on <code>pods</code>.
          <details>
            <summary>Show the RBAC manifest to apply</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <pre tabIndex={0}>{roleText(discovery.namespace)}</pre>
          </details>
        </Message>
      );
    case 'empty':
      return (
        <Message
          title={`No pod matches ${selector}`}
          code={shownName(podListCommand(discovery.namespace, discovery.labelSelector))}
        >
          In {discovery.namespace === '' ? place : `namespace ${place}`}, listed at{' '}
          {clockText(discovery.lastGoodMs, nowMs)}. Check LABEL_SELECTOR and NAMESPACE (a namespace that does not exist
          is empty too), or start the pods:
        </Message>
      );
    default:
      return <AloneWords picture={picture} selector={selector} />;
  }
}

function AloneWords({ picture, selector }: { picture: Picture; selector: string }) {
  const { state, totalUs } = linkFacts(picture, 0, 0);
  const self = totalUs >= 0 && state !== 'failed' ? `It reaches itself in ${latencyText(totalUs)}.` : '';
  return (
    <Message title="No peers yet">
      Only this pod matches {selector}. {state === 'failed' ? 'It cannot reach itself.' : self} This page shows links as
      soon as a second pod is ready.
    </Message>
  );
}

function Message({ title, code = '', children }: { title: string; code?: string; children: ReactNode }) {
  return (
    <>
      <h1>{title}</h1>
      <div className="stage-text">{children}</div>
      {code !== '' && <pre className="stage-code">{code}</pre>}
    </>
  );
}

function StageSign({ stage, self }: { stage: Exclude<Stage, 'picture'>; self: PodView | undefined }) {
  if (stage === 'alone' && self !== undefined) {
    return (
      <div className="stage-self">
        <svg viewBox="0 0 72 40" aria-hidden="true">
          <path
            className={`self-link is-${self.health === 'failing' ? 'failed' : 'good'}`}
            d="M26 40A19 19 0 1 1 46 40"
          />
        </svg>
        <PodMark state={self.health} />
        <strong>{self.label}</strong>
      </div>
    );
  }
  return (
    <svg className="stage-sign" viewBox="0 0 64 64" aria-hidden="true">
      {stage === 'empty' && <circle className="stage-dots" cx="32" cy="32" r="26" />}
      {(stage === 'waiting' || stage === 'connecting') && (
        <>
          <circle className="stage-track" cx="32" cy="32" r="26" />
          <path className="stage-turn" d="M32 6A26 26 0 0 1 58 32" />
        </>
      )}
      {(stage === 'forbidden' || stage === 'unauthorized') && (
        <g className="stage-lock">
          <rect x="11" y="26" width="42" height="32" rx="5" />
          <path d="M20 26V18A12 12 0 0 1 44 18V26M32 41V47" />
          <circle cx="32" cy="39" r="2" />
        </g>
      )}
      {stage === 'unreachable' && (
        <g className="stage-lock">
          <circle cx="32" cy="32" r="26" />
          <path d="M23 23L41 41M41 23L23 41" />
        </g>
      )}
    </svg>
  );
}

/** A valid Kubernetes namespace name. Other names are not written into a manifest. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The RBAC manifest, as YAML, that allows listing pods in `namespace` ('' = all). */
function roleText(namespace: string): string {
  const kind = namespace === '' ? 'ClusterRole' : 'Role';
  const inNamespace = NAME.test(namespace) ? `\n  namespace: ${namespace}` : '';
  const home = NAME.test(namespace) ? namespace : 'default';
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata:
  name: goldpinger${inNamespace}
rules:
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}Binding
metadata:
  name: goldpinger${inNamespace}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${kind}
  name: goldpinger
subjects:
  - kind: ServiceAccount
    name: goldpinger-serviceaccount
    namespace: ${home}
`;
}
