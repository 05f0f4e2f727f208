import './summary-bar.css';
import {
  memo,
  type ReactNode,
  type RefObject,
  useDeferredValue,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { PodMark, StateGlyph, UnreliableMark } from '../components/state-glyph.tsx';
import { countText, latencyText, plural } from '../model/format.ts';
import { linkFacts } from '../model/link-facts.ts';
import type { Picture } from '../model/mesh-view.ts';
import { shownName } from '../model/names.ts';
import { linkCounts, namesOf, notReporting, podCounts, SUMMARY_STEPS } from './summary.ts';

interface SummaryBarProps {
  picture: Picture;
  /** The width of a phone. */
  narrow: boolean;
  /** Opens the worst link (pod uids). Never changes. */
  onSelect(selection: { from: string; to: string }): void;
}

/** The state of the whole cluster in one line. It is rendered after the view, which matters more. */
export function SummaryBar(props: SummaryBarProps) {
  return <SummaryLine {...props} picture={useDeferredValue(props.picture)} />;
}

/** Texts that do not fit are shortened, then left out, never cut off. */
const SummaryLine = memo(function SummaryLine({ picture, narrow, onSelect }: SummaryBarProps) {
  const line = useRef<HTMLElement>(null);
  const missing = notReporting(picture);
  const step = useFit(
    line,
    useMemo(() => wholeText(picture, narrow), [picture, narrow]),
    SUMMARY_STEPS,
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: where even the shortest is too wide it scrolls, by keyboard too
    <section ref={line} className={`summary${step >= 4 ? ' is-short' : ''}`} aria-label="Summary" tabIndex={0}>
      <Group title="Pods">
        {podCounts(picture.pods, narrow, step).map(({ state, count, text }) => (
          <span key={state} className={count === 0 ? 'fact is-zero' : 'fact'}>
            <PodMark state={state} />
            {text}
          </span>
        ))}
      </Group>
      <Group title="Links">
        {linkCounts(picture, step).map(({ state, count, text }) => (
          <span key={state} className={count === 0 ? 'fact is-zero' : 'fact'}>
            {state === 'suspect' ? <UnreliableMark /> : <StateGlyph state={state} />}
            {text}
          </span>
        ))}
      </Group>
      {missing.length > 0 && step < 7 && (
        <Group title="No report">
          <span className="fact" title={shownName(namesOf(missing, picture.pods))}>
            {narrow || step >= 4 ? `${countText(missing.length)} without report` : missingText(missing, picture, step)}
          </span>
        </Group>
      )}
      {step < 3 && <WorstLink picture={picture} onSelect={onSelect} />}
      <External picture={picture} onlyFailed={step >= 1} />
      <ClusterHealth picture={picture} />
    </section>
  );
});

function missingText(missing: ReturnType<typeof notReporting>, { pods }: Picture, step: number): string {
  return step >= 1 ? plural(missing.length, 'pod') : namesOf(missing, pods);
}

/** All texts of the line at full length, on which its width depends. */
function wholeText(picture: Picture, narrow: boolean): string {
  const { pods, worst, mesh } = picture;
  const counts = [...podCounts(pods, narrow), ...linkCounts(picture)].map(({ text }) => text);
  const ends = worst === null ? '' : `${pods[worst.from]?.label} ${pods[worst.to]?.label} ${worstFigure(picture)}`;
  const failed = picture.targets.filter(({ state }) => state === 'failed').length;
  return [...counts, namesOf(notReporting(picture), pods), ends, failed, mesh.health.ok].join();
}

function worstFigure(picture: Picture): string {
  if (picture.worst === null) return '';
  const { outcome, totalUs, state } = linkFacts(picture, picture.worst.from, picture.worst.to);
  return state === 'failed' ? (outcome ?? 'failed') : latencyText(totalUs);
}

function Group({ title, last = false, children }: { title: string; last?: boolean; children: ReactNode }) {
  return (
    <div className={last ? 'fact-group is-last' : 'fact-group'}>
      <span className="fact-title">{title}</span>
      {children}
    </div>
  );
}

function WorstLink({ picture, onSelect }: Pick<SummaryBarProps, 'picture' | 'onSelect'>) {
  const { worst, pods } = picture;
  const from = worst === null ? undefined : pods[worst.from];
  const to = worst === null ? undefined : pods[worst.to];
  if (from === undefined || to === undefined) return null;
  const { state } = linkFacts(picture, from.index, to.index);
  return (
    <Group title={state === 'failed' ? 'Longest failure' : 'Slowest link'}>
      <button
        type="button"
        className="fact link-button"
        onClick={() => onSelect({ from: from.pod.uid, to: to.pod.uid })}
      >
        <span className="worst-names">
          {from.label} → {to.label}
        </span>
        <span className={`word-${state}`}>{worstFigure(picture)}</span>
      </button>
    </Group>
  );
}

function External({ picture, onlyFailed }: { picture: Picture; onlyFailed: boolean }) {
  const { targets } = picture;
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
              <strong>{picture.pods[pod]?.name ?? 'a pod that is gone'}</strong>: {shownName(why.join('; '))}
            </li>
          ))}
        </ul>
        {health.reasons.length > 12 && <p>and {plural(health.reasons.length - 12, 'more pod')}</p>}
      </div>
    </Group>
  );
}

/**
 * The number of steps (0 to `most`) by which the texts in an element must be shortened to fit its width and height. It is
 * found by trying before anything is painted, again when the width or `content` (the full texts) changes. Changed digits
 * are ignored, because all digits have the same width.
 */
export function useFit(ref: RefObject<HTMLElement | null>, content: string, most: number): number {
  const [width, setWidth] = useState(0);
  const [fit, setFit] = useState({ key: '', steps: 0 });
  const key = `${width} ${content.replace(/\d/g, '0')}`;
  const steps = fit.key === key ? fit.steps : 0;
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
    if (steps < most && (scrollWidth > clientWidth || scrollHeight > clientHeight)) setFit({ key, steps: steps + 1 });
  }, [ref, key, steps, most]);
  return steps;
}
