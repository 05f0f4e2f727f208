import { StateGlyph } from '../../components/state-glyph.tsx';
import { TableFrame } from '../../components/table-frame.tsx';
import type { ViewProps } from '../../components/view-props.ts';
import { clockText, countText, latencyText, plural } from '../../model/format.ts';
import { linkFacts } from '../../model/link-facts.ts';
import { factsTitle } from '../../model/messages.ts';
import { shownName } from '../../model/names.ts';
import type { GraphLinks } from './use-graph.ts';

/** Maximum number of rows; the worst come first. */
const MAX_ROWS = 500;

/** The graph as a table: its links, the worst first, then the external targets. */
export function GraphTable({ props, links }: { props: ViewProps; links: GraphLinks }) {
  const { picture } = props;
  const pairs = [...links.pairs].reverse().slice(0, MAX_ROWS);
  const all = links.choice.all;
  const note = pairs.length < all ? `${countText(pairs.length)} of ${plural(all, 'link')}, worst first` : 'Worst first';
  return (
    <TableFrame caption="Links" note={`${note}.`}>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">To</th>
          <th scope="col">State</th>
          <th scope="col" className="number">
            Latency
          </th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {pairs.map((pair) => (
          <LinkRow key={pair} props={props} pair={pair} />
        ))}
        {links.targets.map((target) => (
          <tr key={target.key}>
            <td>{target.probing === 1 ? '1 pod' : `${target.probing} pods`}</td>
            <td>
              {target.path === null ? target.protocol : target.name} {shownName(target.target)}
            </td>
            <td className={`tone-${target.state}`}>
              <StateGlyph state={target.state} />{' '}
              {target.state === 'failed'
                ? `${target.failing.length} of ${target.probing} fail`
                : target.state === 'good'
                  ? 'Ok'
                  : 'Pending'}
            </td>
            <td className="number">{latencyText(target.slowestUs)}</td>
            <td>{shownName(target.error)}</td>
          </tr>
        ))}
        {pairs.length + links.targets.length === 0 && (
          <tr>
            <td colSpan={5}>No links of this kind. {picture.n} pods are known.</td>
          </tr>
        )}
      </tbody>
    </TableFrame>
  );
}

function LinkRow({ props, pair }: { props: ViewProps; pair: number }) {
  const { picture, nowMs, onSelect } = props;
  const [from, to] = [picture.pods[Math.floor(pair / picture.n)], picture.pods[pair % picture.n]];
  if (from === undefined || to === undefined) return null;
  const facts = linkFacts(picture, from.index, to.index);
  return (
    <tr>
      <td>
        <button
          type="button"
          className="table-link"
          aria-label={`Open ${from.name} to ${to.name}`}
          onClick={() => onSelect({ from: from.pod.uid, to: to.pod.uid })}
        >
          {from.name}
        </button>
      </td>
      <td>{to.name}</td>
      <td className={`tone-${facts.state}`}>
        <StateGlyph state={facts.state} outcome={facts.outcome} unreliable={facts.unreliable} /> {factsTitle(facts)}
      </td>
      <td className="number">
        {latencyText(facts.state === 'failed' ? Number.NaN : (picture.valueUs[pair] ?? Number.NaN))}
      </td>
      <td>{facts.sinceMs < 0 ? '–' : clockText(facts.sinceMs, nowMs)}</td>
    </tr>
  );
}
