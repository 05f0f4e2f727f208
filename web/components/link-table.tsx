import { useMemo, useState } from 'react';
import { countText, plural } from '../../server/runtime/count-text.ts';
import { latencyText } from '../../server/runtime/measure-text.ts';
import { type ExternalTarget, failedProbesText } from '../model/external-targets.ts';
import { FIGURE_NAMES } from '../model/figure-words.ts';
import { valueText } from '../model/figures.ts';
import { capital, clockText } from '../model/format.ts';
import { foldWords } from '../model/levels.ts';
import { linkFacts } from '../model/link-facts.ts';
import { codeOf, SEVERITY } from '../model/links.ts';
import type { Picture } from '../model/mesh-view.ts';
import { factsTitle } from '../model/messages.ts';
import { compareNames, shownName } from '../model/names.ts';
import { Worst } from '../model/worst.ts';
import { StateGlyph } from './state-glyph.tsx';
import { type Sort, SortHead, TableFrame } from './table-frame.tsx';
import type { ViewProps } from './view-props.ts';

const COLUMNS = ['from', 'to', 'state', 'latency', 'since'] as const;
type Column = (typeof COLUMNS)[number];

/** Maximum number of rows; with more links the first ones in the order are shown. */
const MAX_ROWS = 500;

interface LinkTableProps {
  props: ViewProps;
  /** The links to list, `from * n + to`. Kept as long as they are the same. */
  pairs: ArrayLike<number>;
  /** Another choice of links, which sorts them anew. */
  choice: string;
  targets?: readonly ExternalTarget[];
}

/** The links of a view as a table, worst first; then the external targets. Its order is kept: see `withNewLinks`. */
export function LinkTable({ props, pairs: all, choice, targets = [] }: LinkTableProps) {
  const { picture } = props;
  const { figure } = picture;
  const [sort, setSort] = useState<Sort<Column>>({ column: 'state', up: false });
  const [kept, setKept] = useState<{ key: string; pairs: number[] }>({ key: '', pairs: [] });
  const sorted = useMemo(() => sortedLinks(picture, all, sort), [picture, all, sort]);
  // Pairs are indexes of pods, so another list of pods makes another order.
  const pods = picture.mesh.pods.map(({ uid }) => uid);
  const key = [sort.column, sort.up, choice, ...pods].join('\n');
  const pairs = useMemo(
    () => (key === kept.key ? withNewLinks(picture, kept.pairs, sorted, all) : sorted),
    [picture, key, kept, sorted, all],
  );
  if (key !== kept.key || !isSameList(pairs, kept.pairs)) setKept({ key, pairs });
  const isOutdated = !isSameList(pairs, sorted);
  return (
    <TableFrame
      caption="Links"
      note={
        all.length > pairs.length
          ? `The first ${countText(pairs.length)} of ${countText(all.length)}. The CSV file has all.`
          : undefined
      }
      action={
        isOutdated ? (
          <button type="button" className="link-button" onClick={() => setKept({ key, pairs: sorted })}>
            Re-sort
          </button>
        ) : null
      }
    >
      <thead>
        <tr>
          {COLUMNS.map((name) => (
            <SortHead
              key={name}
              column={name}
              title={name === 'latency' && figure !== null ? FIGURE_NAMES[figure] : capital(name)}
              sort={sort}
              onSort={setSort}
              // Names begin with A, the others with the worst.
              startsUp={name === 'from' || name === 'to'}
              isNumber={name === 'latency'}
            />
          ))}
        </tr>
      </thead>
      <tbody>
        {pairs.map((pair) => (
          <LinkRow key={pair} props={props} pair={pair} />
        ))}
        {targets.map((target) => (
          <TargetRow key={target.key} target={target} />
        ))}
        {pairs.length + targets.length === 0 && (
          <tr>
            <td colSpan={COLUMNS.length}>No links of this kind. {plural(picture.n, 'pod')} known.</td>
          </tr>
        )}
      </tbody>
    </TableFrame>
  );
}

function TargetRow({ target }: { target: ExternalTarget }) {
  const { probing, state } = target;
  const words = state === 'failed' ? failedProbesText(target) : state === 'good' ? 'Ok' : 'Pending';
  return (
    <tr>
      <td>{plural(probing, 'pod')}</td>
      <td>
        {target.protocol} {shownName(target.target)}
      </td>
      <td>
        <span className="table-state">
          <StateGlyph state={state} />
          {words}
        </span>
      </td>
      <td className="number">{latencyText(target.slowestUs)}</td>
      <td>{shownName(target.error)}</td>
    </tr>
  );
}

function LinkRow({ props: { picture, onSelect }, pair }: { props: ViewProps; pair: number }) {
  const [from, to] = [Math.floor(pair / picture.n), pair % picture.n];
  const [source, target] = [picture.pods[from], picture.pods[to]];
  if (source === undefined || target === undefined) return null;
  const facts = linkFacts(picture, from, to);
  const { figure } = picture;
  const value = picture.valueUs[pair] ?? Number.NaN;
  const count = foldWords(picture, from, to);
  return (
    <tr>
      <td>
        <button
          type="button"
          className="table-button bare"
          onClick={() => onSelect({ from: source.pod.uid, to: target.pod.uid })}
        >
          {source.name}
        </button>
      </td>
      <td>{target.name}</td>
      <td>
        <span className="table-state">
          <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} lossy={facts.lossy} />
          {factsTitle(facts, figure)}
          {count === '' ? '' : ` (${count})`}
        </span>
      </td>
      <td className="number">{figure === null && facts.state === 'failed' ? '–' : valueText(figure, value)}</td>
      <td>{facts.sinceMs < 0 ? '–' : clockText(facts.sinceMs, picture.mesh.atMs)}</td>
    </tr>
  );
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

/**
 * The rows that a table had, without the links that it no longer lists, then the new ones of `sorted` (see `sortedLinks`), as
 * far as there is room. Without room, new failed links take the places of the last rows that have not failed. O(all).
 */
export function withNewLinks(
  { n, state }: Picture,
  kept: readonly number[],
  sorted: readonly number[],
  all: ArrayLike<number>,
): number[] {
  const isListed = new Uint8Array(n * n);
  for (let i = 0; i < all.length; i++) isListed[all[i] ?? 0] = 1;
  const rows = kept.filter((pair) => isListed[pair] === 1);
  for (const pair of rows) isListed[pair] = 0;
  const isFailed = (pair: number) => state[pair] === codeOf('failed');
  for (const pair of sorted) {
    if (isListed[pair] !== 1) continue;
    if (rows.length >= MAX_ROWS) {
      const replaced = isFailed(pair) ? rows.findLastIndex((row) => !isFailed(row)) : -1;
      if (replaced < 0) continue;
      rows.splice(replaced, 1);
    }
    rows.push(pair);
  }
  return rows;
}

/** Links (`from * n + to`) in the order of a column, at most `MAX_ROWS`. */
export function sortedLinks(picture: Picture, pairs: ArrayLike<number>, { column, up }: Sort<Column>): number[] {
  const { n, state, valueUs, figure } = picture;
  const rankOf = new Int32Array(n);
  const byName = [...picture.pods].sort((a, b) => compareNames(a.name, b.name));
  for (const [rank, { index }] of byName.entries()) rankOf[index] = rank;
  const severityOf = (pair: number) => SEVERITY[state[pair] ?? 0] ?? 0;
  const keys: Record<Column, (pair: number, from: number, to: number) => number> = {
    from: (_, from, to) => (rankOf[from] ?? 0) * n + (rankOf[to] ?? 0),
    to: (_, from, to) => (rankOf[to] ?? 0) * n + (rankOf[from] ?? 0),
    state: (pair) => severityOf(pair) * 1e9 + (valueUs[pair] || 0),
    // A figure of 0 is known, one that is not a number is not.
    latency: (pair) =>
      figure === null && severityOf(pair) === FAILED ? -1 : (valueUs[pair] ?? -1) >= 0 ? (valueUs[pair] ?? -1) : -1,
    since: (_, from, to) => linkFacts(picture, from, to).sinceMs,
  };
  const keyOf = keys[column];
  const best = new Worst(MAX_ROWS);
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i] ?? 0;
    const key = keyOf(pair, Math.floor(pair / n), pair % n);
    best.offer(pair, up ? -key : key);
  }
  return best.ascending().reverse();
}

const FAILED = SEVERITY[codeOf('failed')];
