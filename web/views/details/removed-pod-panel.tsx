import { type MeshEvent, podsOfEvents, successorName } from '../../../server/protocol/event.ts';
import { podNamer } from '../../../server/protocol/pod-names.ts';
import { durationText } from '../../../server/runtime/measure-text.ts';
import { useFetched } from '../../components/use-fetched.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { fetchEvents } from '../../data/past-client.ts';
import { clockText, sentence } from '../../model/format.ts';
import { shownName } from '../../model/names.ts';

/** Pause after events that could not be fetched. */
const RETRY_MS = 10_000;

interface RemovedPodProps {
  uid: string;
  props: Pick<ViewProps, 'picture' | 'liveMesh' | 'nowMs' | 'onSelect'>;
}

/** The panel of a selected pod that is in no list of the viewed time: what became of it, or that it did not exist yet. */
export function RemovedPodPanel({ uid, props }: RemovedPodProps) {
  const { nowMs, picture, liveMesh, onSelect } = props;
  const { past, settings } = picture.mesh;
  const { historyWindowMs } = settings;
  const lives = past === null ? undefined : liveMesh?.pods.find((pod) => pod.uid === uid);
  // Up to now, because the pod can have ended after the viewed moment.
  const toMs = past === null || liveMesh === null ? nowMs : Math.max(nowMs, liveMesh.atMs + liveMesh.ageMs);
  const key = lives === undefined ? `${uid} ${past?.toMs ?? ''}` : null;
  const load = async (signal: AbortSignal) => {
    const all = await fetchEvents({ fromMs: toMs - historyWindowMs, toMs }, signal);
    return all.filter(({ kind, pod }) => kind.startsWith('pod-') && pod?.uid === uid);
  };
  const { value: events, error } = useFetched(key, load, { retryMs: RETRY_MS });
  const nameOf = podNamer([...(liveMesh ?? picture.mesh).pods, ...podsOfEvents(events ?? [])]);
  const name = shownName(nameOf(lives ?? events?.at(-1)?.pod)) || 'This pod';
  const joinedMs = lives?.createdMs ?? joinedAfter(events ?? [], nowMs);
  if (joinedMs !== null) {
    return (
      <div className="detail column">
        <h2 id="panel-title">{joinedMs > nowMs ? `${name} did not exist yet` : `${name} is not in this picture`}</h2>
        {joinedMs > 0 && <p>It joined at {clockText(joinedMs, toMs)}.</p>}
      </div>
    );
  }
  const end = events?.findLast(({ kind }) => kind === 'pod-gone');
  const replaced = events?.findLast(({ kind }) => kind === 'pod-replaced');
  const heir = replaced === undefined ? '' : successorName(replaced, nameOf);
  const successor = heir === '' ? undefined : picture.pods.find(({ pod }) => nameOf(pod) === heir);
  return (
    <div className="detail column">
      <h2 id="panel-title">{name} no longer exists</h2>
      {events === null && (
        <p className="second">{error === '' ? 'Loading its events…' : `No events: ${shownName(error)}`}</p>
      )}
      {events?.length === 0 && (
        <p className="second">
          Nothing is known about it: it ended more than {durationText(historyWindowMs)} ago (HISTORY_WINDOW), or it is
          from another cluster. Older data is in Prometheus.
        </p>
      )}
      {end !== undefined && (
        <p>
          It ended at {clockText(end.atMs, nowMs)}. {end.detail === '' ? '' : sentence(shownName(end.detail))}
        </p>
      )}
      {heir !== '' && successor === undefined && <p>Replaced by {shownName(heir)}.</p>}
      {successor !== undefined && (
        <p>
          Replaced by{' '}
          <button type="button" className="link-button" onClick={() => onSelect({ pod: successor.pod.uid })}>
            {successor.name}
          </button>
        </p>
      )}
    </div>
  );
}

/** When a pod joined, ms since the epoch, if that was after a moment: by the events of the pod, oldest first. Otherwise null. */
export function joinedAfter(events: readonly Pick<MeshEvent, 'kind' | 'atMs'>[], momentMs: number): number | null {
  const [first] = events;
  return first !== undefined && first.kind === 'pod-seen' && first.atMs > momentMs ? first.atMs : null;
}
