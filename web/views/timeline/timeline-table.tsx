import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { TableFrame } from '../../components/table-frame.tsx';
import { clockText } from '../../model/format.ts';
import type { Past } from '../../model/history.ts';
import { shownName } from '../../model/names.ts';
import { merged, type TimelineStep } from '../../model/timeline.ts';
import { eventWords, stepWords } from './marks.ts';

/** Maximum number of rows; the newest are kept. */
const MAX_LINES = 300;

interface TimelineTableProps {
  steps: readonly TimelineStep[];
  past: Past;
  limits: TimeRange;
  onMoment(atMs: number): void;
}

/** The timeline as a table, newest first: each change of the counts, each event, each annotation. */
export function TimelineTable({ steps, past, limits, onMoment }: TimelineTableProps) {
  const roundByUid = new Map(past.rounds.map((round) => [round.uid, round]));
  const lines = [
    // Keys are numbers, because start times change with every update and the focused row would be lost.
    ...merged(steps)
      .filter(({ toMs }) => toMs > limits.fromMs)
      .map((step, i) => ({
        id: `s${i}`,
        atMs: Math.max(step.fromMs, limits.fromMs),
        kind: 'Links',
        text: stepWords(step),
      })),
    ...past.events.map((event) => ({
      id: event.id,
      atMs: event.atMs,
      kind: 'Event',
      text: eventWords(event, roundByUid.get(event.pod?.uid ?? '')),
    })),
    ...past.annotations.map(({ id, fromMs, toMs, text }) => ({
      id: `a${id}`,
      atMs: fromMs,
      kind: 'Annotation',
      text: `${shownName(text)}${toMs === null ? '' : `, until ${clockText(toMs, limits.toMs)}`}`,
    })),
  ].filter(({ atMs }) => atMs >= limits.fromMs);
  lines.sort((a, b) => b.atMs - a.atMs);
  return (
    <TableFrame
      caption="Timeline, newest first"
      note={lines.length > MAX_LINES ? `newest ${MAX_LINES} only` : undefined}
    >
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">What</th>
          <th scope="col">Details</th>
        </tr>
      </thead>
      <tbody>
        {lines.slice(0, MAX_LINES).map(({ id, atMs, kind, text }) => (
          <tr key={id}>
            <th scope="row">
              <button type="button" className="link-button" onClick={() => onMoment(Math.round(atMs))}>
                {clockText(atMs, limits.toMs)}
              </button>
            </th>
            <td>{kind}</td>
            <td>{text}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}
