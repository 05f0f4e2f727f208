import './table.css';
import { useMemo, useState } from 'react';
import { StateGlyph } from '../../components/state-glyph.tsx';
import { TableFrame } from '../../components/table-frame.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { clockText, countText, latencyText } from '../../model/format.ts';
import { linkFacts } from '../../model/link-facts.ts';
import { factsTitle } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';
import type { Arrangement } from '../../model/order.ts';
import { worstLinks } from '../../model/worst-links.ts';

/** Up to this many pods the table has rows and columns like the heatmap; with more it lists the worst links. */
const MAX_COLUMNS = 12;

/** The heatmap as a table: all links if there are few pods, otherwise the worst links with a note. */
export function HeatTable({ props, arrangement }: { props: ViewProps; arrangement: Arrangement }) {
  return arrangement.pods.length <= MAX_COLUMNS ? (
    <MatrixTable props={props} arrangement={arrangement} />
  ) : (
    <WorstTable props={props} arrangement={arrangement} />
  );
}

function MatrixTable({ props: { picture, onSelect }, arrangement }: { props: ViewProps; arrangement: Arrangement }) {
  const pods = [...arrangement.pods];
  const name = (pod: number) => picture.pods[pod]?.name;
  const uid = (pod: number) => picture.pods[pod]?.pod.uid ?? '';
  return (
    <TableFrame caption="All links. Column: pings sent. Row: pings received.">
      <thead>
        <tr>
          <th scope="col">to \ from</th>
          {pods.map((from) => (
            <th scope="col" key={from}>
              {name(from)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {pods.map((to) => (
          <tr key={to}>
            <th scope="row">{name(to)}</th>
            {pods.map((from) => {
              const facts = linkFacts(picture, from, to);
              const us = picture.valueUs[from * picture.n + to] ?? Number.NaN;
              return (
                <td key={from}>
                  <button
                    type="button"
                    className="heat-table-cell"
                    onClick={() => onSelect({ from: uid(from), to: uid(to) })}
                  >
                    <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} />
                    {us >= 0 && facts.state !== 'failed' ? `${latencyText(us)} ` : ''}
                    {factsTitle(facts)}
                  </button>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function WorstTable({ props, arrangement }: { props: ViewProps; arrangement: Arrangement }) {
  const { picture, onSelect } = props;
  const worst = useMemo(() => worstLinks(picture, arrangement), [picture, arrangement]);
  const all = arrangement.pods.length ** 2;
  const note = `The worst ${countText(worst.length)} of ${countText(all)} links. The CSV file has all.`;
  return (
    <TableFrame caption="Links, worst first" note={worst.length < all ? note : undefined}>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">To</th>
          <th scope="col">State</th>
          <th scope="col">Latency</th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {worst.map((pair) => {
          const [from, to] = [Math.floor(pair / picture.n), pair % picture.n];
          const [source, target] = [picture.pods[from], picture.pods[to]];
          const facts = linkFacts(picture, from, to);
          if (source === undefined || target === undefined) return null;
          return (
            <tr key={pair}>
              <td>
                <button
                  type="button"
                  className="heat-table-cell"
                  onClick={() => onSelect({ from: source.pod.uid, to: target.pod.uid })}
                >
                  {shownName(source.pod.name)}
                </button>
              </td>
              <td>{target.name}</td>
              <td>
                <span className="heat-table-state">
                  <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} />
                  {factsTitle(facts)}
                </span>
              </td>
              <td className="figure">{latencyText(facts.state === 'failed' ? -1 : (picture.valueUs[pair] ?? -1))}</td>
              <td>{facts.sinceMs < 0 ? '–' : clockText(facts.sinceMs, picture.mesh.atMs)}</td>
            </tr>
          );
        })}
      </tbody>
    </TableFrame>
  );
}

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
