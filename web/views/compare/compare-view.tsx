import { countText, plural } from '../../../server/runtime/count-text.ts';
import './compare.css';
import { useMemo, useState } from 'react';
import { createPortal } from 'react-dom';
import { type Comparison, RANGE_NAMES } from '../../../server/protocol/comparison.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import { durationText } from '../../../server/runtime/measure-text.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { FindingList } from '../../components/finding-list.tsx';
import { useFetched } from '../../components/use-fetched.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { serverUrl } from '../../data/client.ts';
import { fetchComparison } from '../../data/past-client.ts';
import { reportPath, type Selection } from '../../model/address.ts';
import { CHANGE_SIGNS, changeMapOf, deltaText, legendOf, noFindingsText } from '../../model/comparison.ts';
import { clockText } from '../../model/format.ts';
import { shownName } from '../../model/names.ts';
import { ChangeMap } from './change-map.tsx';
import { ChangedLinks } from './changed-links.tsx';
import { VerdictBox } from './verdict-box.tsx';

interface CompareViewProps {
  props: ViewProps;
  ranges: readonly TimeRange[];
  /** The serving pod's now, ms since the epoch. */
  nowMs: number;
  onRanges(ranges: readonly TimeRange[]): void;
  onDone(): void;
  /** The hypothesis, clause by clause. */
  expect: readonly string[];
  onExpect(expect: readonly string[]): void;
  /** Opens a link or pod as it was at a moment, ms since the epoch. */
  onOpen(selection: Selection, atMs: number): void;
  /** Leaves for the pods that a filter finds, as they were at a moment, ms since the epoch. */
  onOpenFilter(filter: string, atMs: number): void;
}

/** What changed between two or three ranges, as the server compares them: a map, a table, key figures, findings. */
export function CompareView(view: CompareViewProps) {
  const { props, ranges, expect, onExpect } = view;
  const state = useComparison(ranges, expect);
  const { comparison } = state;
  const model = useMemo(() => (comparison === null ? null : modelOf(comparison)), [comparison]);
  const [isAsked, setIsAsked] = useState(false);
  const [, during] = ranges;
  const middleMs = during === undefined ? 0 : Math.round((during.fromMs + during.toMs) / 2);
  const open = (selection: Selection) => view.onOpen(selection, middleMs);
  const withAfter = ranges.length > 2;
  const { panelSlot } = props;
  return (
    <div className={`compare${state.isCurrent ? '' : ' is-waiting'}`}>
      <Tools {...view} state={state} />
      {comparison !== null && model !== null && (
        <>
          <div className="compare-cards">
            <section className="card compare-card compare-map">
              <h2>What changed</h2>
              <p>During minus before, p50 in ms</p>
              <ChangeMap
                map={model.map}
                label={mapLabel(comparison.report.affected)}
                theme={props.theme}
                letterKeys={props.letterKeys}
                onOpen={open}
              />
              {model.map.maxDeltaUs >= 50 && (
                <p className="change-scale">
                  <span>{deltaText(-model.map.maxDeltaUs)}</span>
                  <span aria-hidden="true" />
                  <span>{deltaText(model.map.maxDeltaUs)}</span>
                </p>
              )}
              <ul className="change-legend" aria-label="Links by change">
                {legendOf(comparison.report.changes).map(({ change, count }) => (
                  <li key={change}>
                    <b className={`change-sign is-${change}`} aria-hidden="true">
                      {CHANGE_SIGNS[change].sign}
                    </b>{' '}
                    {countText(count)} {CHANGE_SIGNS[change].text}
                  </li>
                ))}
              </ul>
            </section>
            <section className="card compare-card compare-links">
              <h2>Links that changed most</h2>
              <ChangedLinks report={comparison.report} labels={model.labels} withAfter={withAfter} onOpen={open} />
            </section>
          </div>
          <dl className="key-figures card">
            {comparison.report.keyFigures.map(({ name, value, note }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <strong>{value}</strong>
                  <span>{shownName(note)}</span>
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
      {panelSlot !== null &&
        createPortal(
          <div className="compare-panel">
            <h2 className="hidden">Findings and verdict</h2>
            {comparison !== null && comparison.findings.length > 0 && (
              <FindingList
                props={{ ...props, onSelect: open, onFilter: (filter) => view.onOpenFilter(filter, middleMs) }}
                mesh={comparison}
                most={8}
              />
            )}
            {comparison !== null && comparison.findings.length === 0 && (
              <p className="second">{noFindingsText(comparison.report.affected)}</p>
            )}
            <VerdictBox
              expect={expect}
              onExpect={onExpect}
              onCheck={() => {
                setIsAsked(true);
                state.reload();
              }}
              error={state.hypothesisError}
              verdict={
                state.isCurrent && state.hypothesisError === '' && (isAsked || expect.length > 0)
                  ? (comparison?.report.verdict ?? null)
                  : null
              }
            />
          </div>,
          panelSlot,
        )}
    </div>
  );
}

/** What the view draws of a comparison. */
function modelOf(comparison: Comparison) {
  const map = changeMapOf(comparison);
  return {
    map,
    labels: new Map(map.pods.map(({ uid, label }) => [uid, label])),
  };
}

function mapLabel({ links, of }: Comparison['report']['affected']): string {
  return `What changed, columns ping, rows answer: ${plural(links, 'link')} of ${of} became worse`;
}

function Tools({ ranges, nowMs, onRanges, onDone, expect, state }: CompareViewProps & { state: ComparisonState }) {
  const last = ranges.at(-1);
  // The third range begins at the end of the second and is as long, but ends now at the latest.
  const afterMs = last === undefined ? 0 : Math.min(nowMs, 2 * last.toMs - last.fromMs);
  const canAdd = ranges.length === 2 && last !== undefined && afterMs - last.toMs >= 10_000;
  // The server would refuse a report with this hypothesis.
  const isRefused = state.hypothesisError !== '';
  return (
    <div className="tools compare-tools">
      <b>Compare</b>
      {ranges.map(({ fromMs, toMs }, i) => (
        <span className={`compare-range is-${RANGE_NAMES[i]}`} key={RANGE_NAMES[i]}>
          <b>{RANGE_NAMES[i]}</b> {clockText(fromMs, nowMs)} – {clockText(toMs, nowMs)}{' '}
          <small>{durationText(toMs - fromMs)}</small>
        </span>
      ))}
      {canAdd && (
        <button
          type="button"
          className="quiet"
          onClick={() => onRanges([...ranges, { fromMs: last.toMs, toMs: afterMs }])}
        >
          + after
        </button>
      )}
      <span className="compare-state" role="status">
        {state.error !== '' ? `Not available: ${shownName(state.error)}` : state.isCurrent ? '' : 'Loading'}
      </span>
      <span className="compare-actions">
        <a
          className="button"
          href={new URL(reportPath(ranges, isRefused ? [] : expect), serverUrl('')).href}
          target="_blank"
          rel="noreferrer"
        >
          {isRefused ? 'Report without hypothesis' : 'Report'}
        </a>
        <button type="button" onClick={onDone}>
          Done
        </button>
      </span>
    </div>
  );
}

/** The request waits this long, so that a handle that is being dragged sends none. */
const DELAY_MS = 300;

/** A comparison, and how its request ended. */
interface ComparisonState {
  /** The comparison of the last ranges that were read; null before the first one is there. */
  comparison: Comparison | null;
  /** Whether `comparison` is about the ranges and the hypothesis that were asked for last. */
  isCurrent: boolean;
  /** Why there is no comparison; ''. */
  error: string;
  /** Why the server refuses the hypothesis; ''. The comparison is without a hypothesis then. */
  hypothesisError: string;
  /** Asks again. */
  reload(): void;
}

/** Fetches the comparison of ranges, with each change of them or of the hypothesis (clause by clause). */
function useComparison(ranges: readonly TimeRange[], expect: readonly string[]): ComparisonState {
  const [count, setCount] = useState(0);
  const key = JSON.stringify({ ranges, expect, count });
  const { value, isThere, error } = useFetched(key, (signal) => fetchJudged(ranges, expect, signal), {
    delayMs: DELAY_MS,
  });
  return {
    comparison: value?.comparison ?? null,
    isCurrent: isThere,
    error,
    hypothesisError: isThere && value !== null ? value.hypothesisError : '',
    reload: () => setCount((before) => before + 1),
  };
}

/** Asks without the hypothesis if the server refuses that. */
async function fetchJudged(ranges: readonly TimeRange[], expect: readonly string[], signal: AbortSignal) {
  try {
    return { comparison: await fetchComparison(ranges, expect, signal), hypothesisError: '' };
  } catch (error) {
    const hypothesisError = textOf(error, 400);
    if (!/^expect( \d+)? in query/.test(hypothesisError)) throw error;
    return { comparison: await fetchComparison(ranges, [], signal), hypothesisError };
  }
}
