import type { ReactNode } from 'react';
import { externalTargets } from '../pure/external-targets.ts';
import { latencyText, plural } from '../pure/figures.ts';
import { linkFacts } from '../pure/link-facts.ts';
import { shownName } from '../pure/names.ts';
import type { Picture } from '../pure/picture.ts';
import { linkCounts, namesOf, notReporting, podCounts } from '../pure/summary.ts';
import { PodMark, StateGlyph } from '../views/state-glyph.tsx';
import './summary-bar.css';

interface SummaryBarProps {
  picture: Picture;
  /** In the width of a phone. */
  narrow: boolean;
  /** Opens the worst link (pod uids). */
  onLink(from: string, to: string): void;
}

/** What the whole cluster comes to, in one line. */
export function SummaryBar({ picture, narrow, onLink }: SummaryBarProps) {
  const missing = notReporting(picture);
  // Of many pods whole rows fail: one link of them says nothing, and the line needs its place.
  const isDense = picture.n > 30;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: where the line is too narrow it scrolls, by keyboard too
    <section className="summary" aria-label="Summary" tabIndex={0}>
      <Group title="Pods">
        {podCounts(picture.pods, narrow).map(({ state, count, text }) => (
          <span key={state} className={count === 0 ? 'fact is-zero' : 'fact'}>
            <PodMark state={state} />
            {text}
          </span>
        ))}
      </Group>
      <Group title="Links">
        {linkCounts(picture).map(({ state, count, text }) => (
          <span key={state} className={count === 0 ? 'fact is-zero' : 'fact'}>
            <StateGlyph state={state} />
            {text}
          </span>
        ))}
      </Group>
      {missing.length > 0 && (
        <Group title="Not reporting">
          <span className="fact">{namesOf(missing, picture.pods)}</span>
        </Group>
      )}
      {!(isDense && picture.counts.failed > 0) && <WorstLink picture={picture} onLink={onLink} />}
      <External picture={picture} onlyFailed={isDense} />
      <ClusterHealth picture={picture} />
    </section>
  );
}

function Group({ title, last = false, children }: { title: string; last?: boolean; children: ReactNode }) {
  return (
    <div className={last ? 'fact-group is-last' : 'fact-group'}>
      <span className="fact-title">{title}</span>
      {children}
    </div>
  );
}

function WorstLink({ picture, onLink }: { picture: Picture; onLink(from: string, to: string): void }) {
  const { worst, pods } = picture;
  const from = worst === null ? undefined : pods[worst.from];
  const to = worst === null ? undefined : pods[worst.to];
  if (from === undefined || to === undefined) return null;
  const { outcome, totalUs, base } = linkFacts(picture, from.index, to.index);
  const figure = base === 'failed' ? (outcome ?? 'failed') : latencyText(totalUs);
  return (
    <Group title="Worst">
      <button type="button" className="fact link-button" onClick={() => onLink(from.pod.uid, to.pod.uid)}>
        <span className="worst-names">
          {from.label} → {to.label}
        </span>
        <span className={`word-${base}`}>{figure}</span>
      </button>
    </Group>
  );
}

function External({ picture, onlyFailed }: { picture: Picture; onlyFailed: boolean }) {
  const targets = externalTargets(picture);
  const failed = targets.filter(({ state }) => state === 'failed');
  if (targets.length === 0 || (onlyFailed && failed.length === 0)) return null;
  const ok = targets.filter(({ state }) => state === 'good').length;
  const title = failed.map(({ target, error }) => shownName(`${target}: ${error}`)).join('\n');
  return (
    <Group title="External">
      <span className="fact" title={title || undefined}>
        <PodMark state={failed.length > 0 ? 'failing' : 'healthy'} />
        {failed.length > 0 ? `${failed.length} of ${targets.length} failed` : `${ok} of ${targets.length} ok`}
      </span>
    </Group>
  );
}

function ClusterHealth({ picture }: { picture: Picture }) {
  const { health } = picture.mesh;
  if (health.ok) {
    return (
      <Group title="Cluster health" last>
        <span className="fact word-good">200 OK</span>
      </Group>
    );
  }
  return (
    <Group title="Cluster health" last>
      <button type="button" className="fact link-button word-failed" popoverTarget="health-reasons">
        418
        <span className="hidden">, show why</span>
      </button>
      <div id="health-reasons" popover="auto" className="card">
        <h2>Not healthy</h2>
        <ul>
          {health.general.slice(0, 5).map((why) => (
            <li key={why}>{shownName(why)}</li>
          ))}
          {health.reasons.slice(0, 12).map(({ pod, why }) => (
            <li key={pod}>
              <strong>{picture.pods[pod]?.name ?? 'a pod that left'}</strong>: {shownName(why.join('; '))}
            </li>
          ))}
        </ul>
        {health.reasons.length > 12 && <p>and {plural(health.reasons.length - 12, 'more pod')}</p>}
      </div>
    </Group>
  );
}
