import { ascending, descending } from 'd3';
import { useState } from 'react';
import type { MeshEvent } from '../../../server/protocol/event.ts';
import type { PodNamer } from '../../../server/protocol/pod-names.ts';
import { isPathDetail } from '../../../server/protocol/sample.ts';
import { countText } from '../../../server/runtime/count-text.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { type Sort, SortHead, TableFrame } from '../../components/table-frame.tsx';
import { Pick } from '../../components/view-tools.tsx';
import { capital, clockText, zonesText } from '../../model/format.ts';
import type { Past } from '../../model/history.ts';
import { merged, type TimelineStep } from '../../model/timeline.ts';
import { annotationWords, eventWords, stepWords } from './marks.ts';

/** Maximum number of rows; with more lines the first ones in the order are shown. */
const MAX_LINES = 300;

/** What a line is about; events by the first word of their kind, and probes by what they probe. */
const KINDS = ['Counts', 'Pod', 'Link', 'API', 'CPU', 'Path', 'External', 'Annotation'] as const;
type Kind = (typeof KINDS)[number];

function kindOf({ kind, detail }: MeshEvent): Kind {
  const word = kind.slice(0, kind.indexOf('-'));
  if (word === 'probe') return isPathDetail(detail) ? 'Path' : 'External';
  return KINDS.find((one) => one.toLowerCase() === word) ?? 'Pod';
}

interface Line {
  id: string;
  atMs: number;
  kind: Kind;
  text: string;
}

type LineSort = Sort<'time' | 'kind' | 'text'>;

/**
 * Sorts lines by a column; of equal ones the newest comes first. Events of the same time come in causal order from the server
 * (a pod is gone, then replaced), so the last of them is the newest.
 */
export function sortLines<T extends Omit<Line, 'id'>>(lines: readonly T[], { column, up }: LineSort): T[] {
  const sorted = [...lines].sort((a, b) => a.atMs - b.atMs);
  if (column === 'time') return up ? sorted : sorted.reverse();
  return sorted.reverse().sort((a, b) => (up ? ascending : descending)(a[column], b[column]));
}

/**
 * The lines of a time range, in no order. A step or an annotation with an end is left out only if it ends before the range. The
 * line of one that begins before the range has the time at which the range begins.
 */
export function logLines(
  steps: readonly TimelineStep[],
  { rounds, events, annotations }: Pick<Past, 'rounds' | 'events' | 'annotations'>,
  limits: TimeRange,
  nameOf: PodNamer,
): Line[] {
  const roundByUid = new Map(rounds.map((round) => [round.uid, round]));
  const clock = (atMs: number) => clockText(atMs, limits.toMs);
  const line = (id: string, atMs: number, kind: Kind, text: string): Line => {
    return { id, atMs: Math.max(atMs, limits.fromMs), kind, text };
  };
  return [
    // Keys are numbers, because start times change with every update and the focused row would be lost.
    ...merged(steps)
      .filter(({ toMs }) => toMs > limits.fromMs)
      .map((step, i) => line(`s${i}`, step.fromMs, 'Counts', capital(stepWords(step)))),
    ...events
      .filter(({ atMs }) => atMs >= limits.fromMs)
      .map((event) =>
        line(event.id, event.atMs, kindOf(event), eventWords(event, nameOf, roundByUid.get(event.pod?.uid ?? ''))),
      ),
    ...annotations
      .filter(({ fromMs, toMs }) => (toMs ?? fromMs) >= limits.fromMs)
      .map((annotation) => {
        const { id, fromMs, toMs } = annotation;
        const since = fromMs < limits.fromMs ? `, since ${clock(fromMs)}` : '';
        const until = toMs === null ? '' : `, until ${clock(toMs)}`;
        return line(`a${id}`, fromMs, 'Annotation', `${annotationWords(annotation)}${since}${until}`);
      }),
  ];
}

/** The log of the timeline, newest first, filtered by kind and by words such as the name of a pod. */
export function EventLog(props: {
  steps: readonly TimelineStep[];
  past: Past;
  limits: TimeRange;
  nameOf: PodNamer;
  onMoment(atMs: number): void;
}) {
  const { steps, past, limits, nameOf, onMoment } = props;
  const [kind, setKind] = useState('');
  const [text, setText] = useState('');
  const [sort, setSort] = useState<LineSort>({ column: 'time', up: false });
  const words = text.toLowerCase().split(/\s+/);
  const isWanted = (line: Line) =>
    (kind === '' || line.kind === kind) && words.every((word) => line.text.toLowerCase().includes(word));
  const lines = sortLines(logLines(steps, past, limits, nameOf).filter(isWanted), sort);
  const part = lines.length > MAX_LINES ? `${countText(MAX_LINES)} of ${countText(lines.length)}` : undefined;
  const head = { sort, onSort: setSort };
  return (
    <div className="event-log column">
      <p>
        <Pick label="Show" value={kind} of={['', ...KINDS]} text={(one) => one || 'all events'} onChange={setKind} />
        <input
          type="search"
          aria-label="Filter events"
          placeholder="Filter events"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </p>
      <TableFrame caption="Events" note={lines.length === 0 ? 'None' : part}>
        <thead>
          <tr>
            <SortHead {...head} column="time" title={`Time, ${zonesText(limits)}`} startsUp={false} />
            <SortHead {...head} column="kind" title="Kind" />
            <SortHead {...head} column="text" title="What happened" />
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, MAX_LINES).map(({ id, atMs, kind: of, text: what }) => (
            <tr key={id}>
              <th scope="row">
                <button type="button" className="link-button" onClick={() => onMoment(atMs)}>
                  {clockText(atMs, limits.toMs)}
                </button>
              </th>
              <td>{of}</td>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </div>
  );
}
