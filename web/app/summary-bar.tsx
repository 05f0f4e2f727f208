import { countText, plural } from '../../server/runtime/count-text.ts';
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
import { latencyText } from '../../server/runtime/measure-text.ts';
import { PodMark, StateGlyph } from '../components/state-glyph.tsx';
import type { Address } from '../model/address.ts';
import { countTargets } from '../model/external-targets.ts';
import type { LinkKind } from '../model/link-choice.ts';
import { linkFacts } from '../model/link-facts.ts';
import type { Tone } from '../model/links.ts';
import type { Picture, PodHealth } from '../model/mesh-view.ts';
import { shownName } from '../model/names.ts';
import { type Fact, namesOf, notReporting, SUMMARY_STEPS, summaryFacts } from './summary.ts';

interface SummaryBarProps {
  picture: Picture;
  /** What is shown now: a count that shows it is pressed. `only` is `all` where it has no effect. */
  filter: string;
  only: LinkKind;
  narrow: boolean;
  onSelect(selection: { from: string; to: string }): void;
  onChange(change: Partial<Address>): void;
}

/** The state of the whole cluster in one line. It is rendered after the view, which matters more. */
export function SummaryBar(props: SummaryBarProps) {
  return <SummaryLine {...props} picture={useDeferredValue(props.picture)} />;
}

/** Texts that do not fit are shortened, then left out, never cut off. What is always there keeps its place. */
const SummaryLine = memo(function SummaryLine(props: SummaryBarProps) {
  const { picture, narrow } = props;
  const line = useRef<HTMLElement>(null);
  const step = useFit(
    line,
    useMemo(() => widthKey(picture, narrow), [picture, narrow]),
    SUMMARY_STEPS,
  );
  const { pods, links, more } = summaryFacts(picture, narrow, step);
  const className = `summary${step >= 1 ? ' is-tight' : ''}${step >= 4 ? ' is-short' : ''}`;
  const list = (facts: readonly Fact[]) =>
    facts.map((fact) => <FactButton key={fact.id} fact={fact} isFixed={facts !== more && !narrow} props={props} />);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: where even the shortest is too wide it scrolls, by keyboard too
    <section ref={line} className={className} aria-label="Summary" tabIndex={0}>
      <Group title="Pods">{list(pods)}</Group>
      <Group title="Links">{list(links)}</Group>
      <Targets picture={picture} onlyFailed={step >= 1} paths />
      <Targets picture={picture} onlyFailed={step >= 1} />
      {more.length > 0 && <Group title="">{list(more)}</Group>}
      {step < 7 && <NoReport props={props} step={step} />}
      {step < 3 && <WorstLink {...props} />}
      <ClusterHealth picture={picture} />
    </section>
  );
});

/** A count that shows its pods or links in the view; pressed again, it shows all. */
function FactButton({ fact, isFixed, props }: { fact: Fact; isFixed: boolean; props: SummaryBarProps }) {
  const { of, state, count, text, shows } = fact;
  // Room for all digits, so that nothing moves when a count grows.
  const most = of === 'pod' ? props.picture.n : props.picture.n ** 2;
  const room = isFixed ? text.replace(countText(count), countText(most)) : undefined;
  const content = (
    <>
      {of === 'pod' ? <PodMark state={state as PodHealth} /> : <StateGlyph state={state as Tone} />}
      <span className="fact-text" data-room={room}>
        {text}
      </span>
    </>
  );
  const className = count === 0 ? 'fact is-zero' : 'fact';
  if (shows === null) return <span className={className}>{content}</span>;
  const isOn = 'only' in shows ? props.only === shows.only : props.filter === shows.filter;
  const show = (): Partial<Address> => {
    if ('filter' in shows) return { filter: isOn ? '' : shows.filter, compare: false };
    // Only the graph can leave links out.
    return { only: isOn ? 'all' : shows.only, view: 'graph', asTable: false, compare: false };
  };
  return (
    <button
      type="button"
      className={`${className} link-button`}
      aria-pressed={isOn}
      onClick={() => props.onChange(show())}
    >
      {content}
    </button>
  );
}

function NoReport({ props, step }: { props: SummaryBarProps; step: number }) {
  const { picture, narrow, filter, onChange } = props;
  const missing = notReporting(picture);
  if (missing.length === 0) return null;
  const names = namesOf(missing, picture.pods);
  const isShort = narrow || step >= 4;
  const text = isShort
    ? `${countText(missing.length)} without report`
    : step >= 1
      ? plural(missing.length, 'pod')
      : names;
  const isOn = filter === 'is:silent';
  return (
    <Group title="No report">
      <button
        type="button"
        className="fact link-button"
        title={names}
        aria-pressed={isOn}
        onClick={() => onChange({ filter: isOn ? '' : 'is:silent', compare: false })}
      >
        {text}
      </button>
    </Group>
  );
}

/** What the width of the line depends on. Digits do not count, so what appears with a count above 0 is named. */
export function widthKey(picture: Picture, narrow: boolean): string {
  const { pods, worst, mesh } = picture;
  const facts = Object.values(summaryFacts(picture, narrow)).flat() as Fact[];
  const targets = [true, false].map((isPath) => countTargets(picture.targets, isPath));
  const worstLength = worst === null ? 0 : `${pods[worst.from]?.label}${pods[worst.to]?.label}`.length;
  const key = [
    ...facts.flatMap(({ text, count }) => [text, count > 0]),
    ...targets.flatMap(({ count, failing }) => [count, count > 0, failing, failing > 0]),
    namesOf(notReporting(picture), pods),
    'x'.repeat(worstLength),
    worstTitle(picture),
    worstFigure(picture),
    mesh.health.ok,
  ];
  return key.join().replace(/\d/g, '0');
}

function worstTitle(picture: Picture): string {
  if (picture.worst === null) return '';
  const { state } = linkFacts(picture, picture.worst.from, picture.worst.to);
  return state === 'failed' ? 'Longest failure' : 'Slowest link';
}

function worstFigure(picture: Picture): string {
  if (picture.worst === null) return '';
  const { outcome, totalUs, state } = linkFacts(picture, picture.worst.from, picture.worst.to);
  return state === 'failed' ? (outcome ?? 'failed') : latencyText(totalUs);
}

function Group({ title, kind = '', children }: { title: string; kind?: string; children: ReactNode }) {
  return (
    <div className={`fact-group ${kind}`}>
      {title !== '' && <span className="fact-title">{title}</span>}
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
    <Group title={worstTitle(picture)} kind="is-worst">
      <button
        type="button"
        className="fact link-button"
        onClick={() => onSelect({ from: from.pod.uid, to: to.pod.uid })}
      >
        <span className="worst-names" title={`${from.name} → ${to.name}`}>
          {from.label} → {to.label}
        </span>
        <span className={`worst-figure tone-${state}`}>{worstFigure(picture)}</span>
      </button>
    </Group>
  );
}

function Targets({ picture, onlyFailed, paths = false }: { picture: Picture; onlyFailed: boolean; paths?: boolean }) {
  const targets = picture.targets.filter(({ path }) => (path !== null) === paths);
  const failed = targets.filter(({ state }) => state === 'failed');
  if (targets.length === 0 || (onlyFailed && failed.length === 0)) return null;
  const ok = targets.filter(({ state }) => state === 'good').length;
  const title = failed.map(({ name, error }) => shownName(`${name}: ${error}`)).join('\n');
  return (
    <Group title={paths ? 'Paths' : 'External'}>
      <span className="fact" title={title || undefined}>
        <PodMark state={failed.length > 0 ? 'failing' : 'healthy'} />
        {failed.length > 0
          ? `${countText(failed.length)} of ${countText(targets.length)} failed`
          : `${countText(ok)} of ${countText(targets.length)} ok`}
      </span>
    </Group>
  );
}

function ClusterHealth({ picture }: { picture: Picture }) {
  const { health } = picture.mesh;
  if (health.ok) {
    return (
      <Group title="Cluster health" kind="is-last">
        <span className="fact tone-good">200 OK</span>
      </Group>
    );
  }
  return (
    <Group title="Cluster health" kind="is-last">
      <button type="button" className="fact link-button tone-failed" popoverTarget="health-reasons">
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
              <strong>{picture.pods[pod]?.name ?? 'A pod that is gone'}</strong>: {shownName(why.join('; '))}
            </li>
          ))}
        </ul>
        {health.reasons.length > 12 && <p>And {plural(health.reasons.length - 12, 'more pod')}</p>}
      </div>
    </Group>
  );
}

/**
 * The number of steps (0 to `most`) by which the texts in an element must be shortened to fit its width and height. It is
 * found by trying before anything is painted, again when the width or `content` (see `widthKey`) changes.
 */
function useFit(ref: RefObject<HTMLElement | null>, content: string, most: number): number {
  const [width, setWidth] = useState(0);
  const [fit, setFit] = useState({ key: '', steps: 0 });
  const key = `${width} ${content}`;
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
