import { useMemo } from 'react';
import { createPortal } from 'react-dom';
import type { Finding } from '../../../server/protocol/finding.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { serverUrl } from '../../data/requests.ts';
import type { Selection } from '../../pure/address.ts';
import { compare } from '../../pure/compare.ts';
import { deltaText, nothingText, reportPath, seenAfter } from '../../pure/compare-words.ts';
import { clockText, spanText } from '../../pure/figures.ts';
import { shownName } from '../../pure/names.ts';
import { RANGE_NAMES } from '../../pure/timeline-ranges.ts';
import type { ViewProps } from '../../view-props.ts';
import { FindingList } from '../findings/finding-list.tsx';
import { ChangeMap } from './change-map.tsx';
import { ChangedLinks } from './changed-links.tsx';
import { KeyFigures } from './key-figures.tsx';
import { type Compared, useCompared } from './use-compared.ts';
import { useVerdict, type Verdict } from './use-verdict.ts';
import { VerdictBox } from './verdict-box.tsx';
import './compare.css';

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

/** What changed between two or three ranges of time: as a map, as a table, in key figures, in words. */
export function CompareView(view: CompareViewProps) {
  const { props, ranges, expect, onExpect } = view;
  const { problemMs } = props.thresholds;
  const compared = useCompared(ranges);
  const [before, during, after = null] = compared.meshes;
  const comparison = useMemo(() => {
    if (before === undefined || during === undefined) return null;
    return compare({ before, during, after }, problemMs * 1000, aimedAt(before, during));
  }, [before, during, after, problemMs]);
  const duringRange = ranges[1];
  const verdict = useVerdict(duringRange, expect);
  const middleMs = duringRange === undefined ? 0 : Math.round((duringRange.fromMs + duringRange.toMs) / 2);
  const open = (selection: Selection) => view.onOpen(selection, middleMs);
  const { panelSlot } = props;
  return (
    <div className={`compare${compared.isThere ? '' : ' is-waiting'}`}>
      <Tools {...view} compared={compared} verdict={verdict} />
      {comparison !== null && duringRange !== undefined && (
        <>
          <div className="compare-cards">
            <section className="card compare-card compare-map">
              <h2>What changed</h2>
              <p>during minus before, p50 in ms</p>
              <ChangeMap comparison={comparison} theme={props.theme} letterKeys={props.letterKeys} onOpen={open} />
              {comparison.figures.mostUs >= 50 && (
                <p className="change-scale">
                  <span>{deltaText(-comparison.figures.mostUs)}</span>
                  <span aria-hidden="true" />
                  <span>{deltaText(comparison.figures.mostUs)}</span>
                </p>
              )}
              <p className="change-legend">
                <b className="change-sign is-broke">×</b> fails more <b className="change-sign is-mended">✓</b> mended{' '}
                <b className="change-sign">?</b> not known in both
              </p>
            </section>
            <section className="card compare-card compare-links">
              <h2>Links that changed most</h2>
              <ChangedLinks comparison={comparison} thresholds={props.thresholds} onOpen={open} />
            </section>
          </div>
          <KeyFigures comparison={comparison} seen={seenAfter(duringRange, compared.events, compared.annotations)} />
        </>
      )}
      {panelSlot !== null &&
        createPortal(
          <div className="compare-panel">
            <h2 className="hidden">Findings and verdict</h2>
            {during === undefined ? null : during.findings.length > 0 ? (
              <FindingList
                mesh={during}
                most={8}
                onSelect={open}
                onFilter={(filter) => view.onOpenFilter(filter, middleMs)}
              />
            ) : (
              <p className="panel-second">{nothingText(comparison?.figures)}</p>
            )}
            {duringRange !== undefined && <VerdictBox expect={expect} onExpect={onExpect} verdict={verdict} />}
          </div>,
          panelSlot,
        )}
    </div>
  );
}

/** The pods of the gravest finding about links that is new during the range. */
function aimedAt(before: Mesh, during: Mesh): string[] {
  const known = new Set(before.findings.map(({ kind, subject }) => `${kind} ${subject}`));
  const isNew = ({ kind, subject, severity, pods }: Finding) =>
    (severity === 'failed' || severity === 'slow') && pods.length > 0 && !known.has(`${kind} ${subject}`);
  return (during.findings.find(isNew)?.pods ?? []).flatMap((index) => during.pods[index]?.uid ?? []);
}

interface ToolsProps extends CompareViewProps {
  compared: Compared;
  verdict: Verdict;
}

function Tools({ ranges, nowMs, onRanges, onDone, compared, expect, verdict }: ToolsProps) {
  const last = ranges.at(-1);
  // The third range: as long as the second, from its end on, as far as there is time already.
  const afterMs = last === undefined ? 0 : Math.min(nowMs, 2 * last.toMs - last.fromMs);
  const canAdd = ranges.length === 2 && last !== undefined && afterMs - last.toMs >= 10_000;
  // The server would answer with the mistake instead of a report.
  const isRefused = verdict.error !== '' && expect.length > 0;
  return (
    <div className="tools compare-tools">
      <b>Compare</b>
      {ranges.map(({ fromMs, toMs }, i) => (
        <span className={`compare-range is-${RANGE_NAMES[i]}`} key={RANGE_NAMES[i]}>
          <b>{RANGE_NAMES[i]}</b> {clockText(fromMs, nowMs)} – {clockText(toMs, nowMs)}{' '}
          <small>{spanText(toMs - fromMs)}</small>
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
        {compared.error !== '' ? `Not to be had: ${shownName(compared.error)}` : compared.isThere ? '' : 'Loading'}
      </span>
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
    </div>
  );
}
