import type { ConnectionState } from '../data/connection.ts';
import { spanText } from '../pure/figures.ts';
import type { Stage } from '../pure/stage.ts';
import { useSeconds } from './use-seconds.ts';
import './live-status.css';

/** Shows whether the data are live, and their age, which it counts itself. */
export function LiveStatus({ state, stage }: { state: ConnectionState; stage: Stage }) {
  const pageMs = useSeconds(500);
  const { kind, title, age } = statusOf(state, stage, pageMs);
  return (
    <span className={`live-status is-${kind}`}>
      <span className="live-dot" aria-hidden="true" />
      <span>
        <strong>{title}</strong>
        {age === '' ? null : `, ${age}`}
      </span>
    </span>
  );
}

function statusOf({ mesh, status, receivedMs }: ConnectionState, stage: Stage, pageMs: number) {
  if (mesh === null) return { kind: 'waiting', title: status === 'lost' ? 'Disconnected' : 'Connecting', age: '' };
  const ageMs = mesh.ageMs + Math.max(0, pageMs - receivedMs);
  const age = spanText(ageMs);
  if (status === 'lost') return { kind: 'lost', title: 'Disconnected', age: `data ${age} old` };
  if (stage === 'forbidden') return { kind: 'failed', title: 'No permission', age: '' };
  if (stage === 'waiting') {
    return { kind: 'waiting', title: 'Waiting', age: spanText(mesh.atMs + ageMs - mesh.discovery.sinceMs) };
  }
  if (status === 'polling') return { kind: 'waiting', title: 'Polling every 5 s', age: `${age} old` };
  return { kind: 'live', title: 'Live', age: `${age} old` };
}
