import { countText, plural } from '../../../server/runtime/count-text.ts';
import './compare.css';
import { useMemo, useState } from 'react';
import { createPortal } from 'react-dom';
import { RANGE_NAMES } from '../../../server/protocol/comparison.ts';
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
import { CHANGE_LOOKS } from './map-drawing.ts';
import { VerdictBox } from './verdict-box.tsx';

interface CompareViewProps {
  props: ViewProps;
  ranges: readonly TimeRange[];
  nowMs: number;
  onRanges(ranges: readonly TimeRange[]): void;
  onDone(): void;
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
  const { comparison, hypothesisError } = state;
  const report = comparison?.report;
  const map = useMemo(() => (comparison === null ? null : changeMapOf(comparison)), [comparison]);
  const [isAsked, setIsAsked] = useState(false);
  const [, during] = ranges;
  const middleMs = during === undefined ? 0 : Math.round((during.fromMs + during.toMs) / 2);
  const open = (selection: Selection) => view.onOpen(selection, middleMs);
  const isJudged = state.isCurrent && hypothesisError === '' && (isAsked || expect.length > 0);
  return (
    <div className={`compare column${state.isCurrent ? '' : ' is-waiting'}`}>
      <Tools {...view} state={state} />
      {report !== undefined && map !== null && (
        <>
          <div className="compare-cards">
            <section className="card compare-card compare-map column">
              <h2>What changed</h2>
              <p className="second">During minus before, p50 in ms</p>
              <ChangeMap
                map={map}
                label={`What changed, columns ping, rows answer: ${plural(report.affected.links, 'link')} of ${report.affected.of} became worse`}
                theme={props.theme}
                letterKeys={props.letterKeys}
                onOpen={open}
              />
              {map.maxDeltaUs >= 50 && (
                <p className="change-scale small">
                  <span>{deltaText(-map.maxDeltaUs)}</span>
                  <span aria-hidden="true" />
                  <span>{deltaText(map.maxDeltaUs)}</span>
                </p>
              )}
              <ul className="change-legend second" aria-label="Links by change">
                {legendOf(report.changes).map(({ change, count }) => {
                  const [fill, ink] = CHANGE_LOOKS[change];
                  return (
                    <li key={change}>
                      <b
                        className="change-sign"
                        style={{ color: `var(${ink})`, background: `var(${fill})` }}
                        aria-hidden="true"
                      >
                        {CHANGE_SIGNS[change].sign}
                      </b>{' '}
                      {countText(count)} {CHANGE_SIGNS[change].text}
                    </li>
                  );
                })}
              </ul>
            </section>
            <section className="card compare-card compare-links column">
              <h2>Links that changed most</h2>
              <ChangedLinks report={report} pods={map.pods} withAfter={ranges.length > 2} onOpen={open} />
            </section>
          </div>
          <dl className="key-figures card">
            {report.keyFigures.map(({ name, value, note }) => (
              <div key={name}>
                <dt className="second">{name}</dt>
                <dd className="column">
                  <strong>{value}</strong>
                  <span className="second">{shownName(note)}</span>
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
      {props.panelSlot !== null &&
        createPortal(
          <div className="compare-panel column">
            <h2 className="hidden">Findings and verdict</h2>
            {comparison !== null && (
              <FindingList
                props={{ ...props, onSelect: open, onFilter: (filter) => view.onOpenFilter(filter, middleMs) }}
                mesh={comparison}
                most={8}
              />
            )}
            {comparison?.findings.length === 0 && (
              <p className="second">{noFindingsText(comparison.report.affected)}</p>
            )}
            <VerdictBox
              expect={expect}
              onExpect={onExpect}
              onCheck={() => {
                setIsAsked(true);
                state.reload();
              }}
              error={hypothesisError}
              verdict={isJudged ? (report?.verdict ?? null) : null}
            />
          </div>,
          props.panelSlot,
        )}
    </div>
  );
}

function Tools({ ranges, nowMs, onRanges, onDone, expect, state }: CompareViewProps & { state: ComparisonState }) {
  const last = ranges.at(-1);
  // The third range begins at the end of the second and is as long, but ends now at the latest. It is offered from 10 s on.
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
          <small className="second">{durationText(toMs - fromMs)}</small>
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
      <span className="second" role="status">
        {state.error !== '' ? `Not available: ${shownName(state.error)}` : state.isCurrent ? '' : 'Loading'}
      </span>
      <span className="tools-end">
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

type ComparisonState = ReturnType<typeof useComparison>;

/**
 * Fetches the comparison of ranges, again after each change of the ranges or of the hypothesis (clause by clause). `comparison`:
 * the last one that arrived; null = none yet. `isCurrent`: it is the one that was asked for last. `error`: why that did not
 * arrive. `hypothesisError`: why the server refuses the hypothesis, so that the comparison is without it. '' = no error.
 */
function useComparison(ranges: readonly TimeRange[], expect: readonly string[]) {
  const [count, setCount] = useState(0);
  const key = JSON.stringify({ ranges, expect, count });
  const judged = useFetched(key, (signal) => fetchJudged(ranges, expect, signal), { delayMs: DELAY_MS });
  const { value, isThere: isCurrent, error } = judged;
  const { comparison = null, hypothesisError = '' } = value ?? {};
  const reload = () => setCount((before) => before + 1);
  return { comparison, isCurrent, error, hypothesisError: isCurrent ? hypothesisError : '', reload };
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
