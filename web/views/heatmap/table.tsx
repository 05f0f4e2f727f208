import { useMemo, useState } from 'react';
import { StateGlyph } from '../../components/state-glyph.tsx';
import { TableFrame } from '../../components/table-frame.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { clockText, countText, latencyText } from '../../model/format.ts';
import { foldWords } from '../../model/levels.ts';
import { linkFacts } from '../../model/link-facts.ts';
import { HIDDEN } from '../../model/link-filter.ts';
import { codeOf, SEVERITY } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { factsTitle } from '../../model/messages.ts';
import type { Arrangement } from '../../model/order.ts';
import { Worst } from '../../model/worst.ts';
import type { HeatModel } from './use-heat-model.ts';

/** The columns, each of which the table can be sorted by. */
const COLUMNS = ['from', 'to', 'state', 'latency', 'since'] as const;
type Column = (typeof COLUMNS)[number];

/** Maximum number of rows; with more links the first ones in the order are shown. */
const MAX_ROWS = 500;

/** The links that the filter shows as a table, worst first. It keeps its order while the picture is live. */
export function HeatTable({ props, model }: { props: ViewProps; model: HeatModel }) {
  const { picture } = props;
  const { arrangement, shown } = model;
  const [{ column, up }, setOrder] = useState<{ column: Column; up: boolean }>({ column: 'state', up: false });
  const [kept, setKept] = useState<{ key: string; pairs: number[] }>({ key: '', pairs: [] });
  const sorted = useMemo(() => sortedLinks(shown, arrangement, column, up), [shown, arrangement, column, up]);
  // Pairs are indexes of pods, so another list of pods makes another order.
  const key = [column, up, props.filter, picture.n, picture.mesh.pods[0]?.uid, picture.mesh.pods.at(-1)?.uid].join(
    '\n',
  );
  if (key !== kept.key) setKept({ key, pairs: sorted });
  const pairs = key === kept.key ? kept.pairs : sorted;
  const isOutdated = pairs.length !== sorted.length || pairs.some((pair, i) => pair !== sorted[i]);
  const all = countShown(shown, arrangement);
  return (
    <TableFrame
      caption="Links"
      note={
        all > pairs.length
          ? `The first ${countText(pairs.length)} of ${countText(all)}. The CSV file has all.`
          : undefined
      }
      action={
        isOutdated ? (
          <button type="button" className="link-button" onClick={() => setKept({ key, pairs: sorted })}>
            Sort again
          </button>
        ) : null
      }
    >
      <thead>
        <tr>
          {COLUMNS.map((name) => (
            <th
              scope="col"
              key={name}
              className={name === 'latency' ? 'number' : undefined}
              aria-sort={name === column ? (up ? 'ascending' : 'descending') : undefined}
            >
              <button
                type="button"
                className="heat-table-cell"
                // Names begin with A, the others with the worst.
                onClick={() => setOrder({ column: name, up: name === column ? !up : name === 'from' || name === 'to' })}
              >
                {name.charAt(0).toUpperCase() + name.slice(1)}
                <span aria-hidden="true">{name !== column ? '' : up ? '▲' : '▼'}</span>
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {pairs.map((pair) => (
          <LinkRow key={pair} props={props} pair={pair} />
        ))}
      </tbody>
    </TableFrame>
  );
}

function LinkRow({ props: { picture, onSelect }, pair }: { props: ViewProps; pair: number }) {
  const [from, to] = [Math.floor(pair / picture.n), pair % picture.n];
  const [source, target] = [picture.pods[from], picture.pods[to]];
  if (source === undefined || target === undefined) return null;
  const facts = linkFacts(picture, from, to);
  const us = picture.valueUs[pair] ?? Number.NaN;
  const count = foldWords(picture, from, to);
  return (
    <tr>
      <td>
        <button
          type="button"
          className="heat-table-cell"
          onClick={() => onSelect({ from: source.pod.uid, to: target.pod.uid })}
        >
          {source.name}
        </button>
      </td>
      <td>{target.name}</td>
      <td>
        <span className="heat-table-state">
          <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} />
          {factsTitle(facts)}
          {count === '' ? '' : ` (${count})`}
        </span>
      </td>
      <td className="number">{us >= 0 && facts.state !== 'failed' ? latencyText(us) : '–'}</td>
      <td>{facts.sinceMs < 0 ? '–' : clockText(facts.sinceMs, picture.mesh.atMs)}</td>
    </tr>
  );
}

function countShown({ n, state }: Picture, { pods }: Arrangement): number {
  let count = 0;
  for (const from of pods) for (const to of pods) if (state[from * n + to] !== HIDDEN) count++;
  return count;
}

/** The shown links (`from * n + to`) in the order of a column, at most `MAX_ROWS`. O(n^2). */
export function sortedLinks(picture: Picture, { pods }: Arrangement, column: Column, up: boolean): number[] {
  const { n, state, valueUs } = picture;
  const rankOf = new Int32Array(n);
  const byName = [...pods].sort((a, b) => COLLATOR.compare(picture.pods[a]?.name ?? '', picture.pods[b]?.name ?? ''));
  for (const [rank, pod] of byName.entries()) rankOf[pod] = rank;
  const severityOf = (pair: number) => SEVERITY[state[pair] ?? 0] ?? 0;
  const keys: Record<Column, (pair: number, from: number, to: number) => number> = {
    from: (_, from, to) => (rankOf[from] ?? 0) * n + (rankOf[to] ?? 0),
    to: (_, from, to) => (rankOf[to] ?? 0) * n + (rankOf[from] ?? 0),
    state: (pair) => severityOf(pair) * 1e9 + (valueUs[pair] || 0),
    latency: (pair) => (severityOf(pair) === FAILED ? -1 : valueUs[pair] || -1),
    since: (_, from, to) => linkFacts(picture, from, to).sinceMs,
  };
  const keyOf = keys[column];
  const best = new Worst(MAX_ROWS);
  for (const from of pods) {
    for (const to of pods) {
      const pair = from * n + to;
      if (state[pair] !== HIDDEN) best.offer(pair, up ? -keyOf(pair, from, to) : keyOf(pair, from, to));
    }
  }
  return best.ascending().reverse();
}

const FAILED = SEVERITY[codeOf('failed')];
const COLLATOR = new Intl.Collator('en', { numeric: true });

/** The pods by their numbers on the axes, if neither names nor groups fit. The list is rendered when it is opened. */
export function PodNumbers({ props, arrangement }: { props: ViewProps; arrangement: Arrangement }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="pod-numbers" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Numbers on the axes: {countText(arrangement.pods.length)} pods</summary>
      {isOpen ? (
        <ol>
          {[...arrangement.pods].map((pod) => {
            const view = props.picture.pods[pod];
            return view === undefined ? null : (
              <li key={view.pod.uid}>
                <button type="button" onClick={() => props.onSelect({ pod: view.pod.uid })}>
                  {view.name}
                </button>
              </li>
            );
          })}
        </ol>
      ) : null}
    </details>
  );
}
