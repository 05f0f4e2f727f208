import type { ReactNode } from 'react';
import type { ConnectionState } from '../data/connection.ts';
import { clockText, latencyText } from '../pure/figures.ts';
import { linkFacts } from '../pure/link-facts.ts';
import { shownName } from '../pure/names.ts';
import { namespaceText } from '../pure/notices.ts';
import type { Picture } from '../pure/picture.ts';
import type { Stage } from '../pure/stage.ts';
import { Retry, sentence } from './notice-list.tsx';
import { roleText } from './role-text.ts';
import './stage-screen.css';
import { StageSign } from './stage-sign.tsx';

interface StageScreenProps {
  stage: Exclude<Stage, 'picture'>;
  state: ConnectionState;
  picture: Picture | null;
  /** The serving pod's time now, ms since the epoch. */
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
  const since = `since ${clockText(discovery.sinceMs, nowMs)}`;
  const selector = shownName(discovery.labelSelector) || 'every label';
  const place = namespaceText(discovery.namespace);
  switch (stage) {
    case 'waiting':
      return (
        <Message title="Waiting for the Kubernetes API" code={shownName(discovery.lastError?.message ?? '')}>
          {since}, attempt {discovery.attempts}. No pod list has arrived since this pod started.{' '}
          {discovery.nextAttemptMs > 0 ? 'Retrying automatically.' : ''}
        </Message>
      );
    case 'forbidden':
      return (
        <Message title={`Not allowed to list pods in ${place}`} code={shownName(discovery.lastError?.message ?? '')}>
          Denied {since}. The service account needs <code>list</code> and <code>watch</code> on <code>pods</code>.
          <details>
            <summary>Show the RBAC manifest to apply</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <pre tabIndex={0}>{roleText(discovery.namespace)}</pre>
          </details>
        </Message>
      );
    case 'empty':
      return (
        <Message title={`No pod matches ${selector}`} code={`kubectl get pods -l ${selector}`}>
          In {discovery.namespace === '' ? place : `namespace ${place}`}, listed at{' '}
          {clockText(discovery.lastGoodMs, nowMs)}. Check LABEL_SELECTOR and NAMESPACE, or start the pods:
        </Message>
      );
    default:
      return <AloneWords picture={picture} selector={selector} />;
  }
}

function AloneWords({ picture, selector }: { picture: Picture; selector: string }) {
  const { base, totalUs } = linkFacts(picture, 0, 0);
  const self = totalUs >= 0 && base !== 'failed' ? `It reaches itself in ${latencyText(totalUs)}.` : '';
  return (
    <Message title="No peers yet">
      Only this pod matches {selector}. {base === 'failed' ? 'It cannot reach itself.' : self} This page shows links as
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
