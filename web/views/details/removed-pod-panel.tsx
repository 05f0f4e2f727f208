import { useFetched } from '../../components/use-fetched.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { fetchEvents } from '../../data/past-client.ts';
import { clockText, sentence, spanText } from '../../model/format.ts';
import { shownName } from '../../model/names.ts';

/** The panel of a selected pod that is in no list any more: what became of it, as the events of the history tell. */
export function RemovedPodPanel({ uid, props }: { uid: string; props: ViewProps }) {
  const { nowMs, picture, onSelect } = props;
  const { historyWindowMs } = picture.mesh.settings;
  const { value: events, error } = useFetched(uid, async (signal) => {
    const all = await fetchEvents({ fromMs: nowMs - historyWindowMs, toMs: nowMs }, signal);
    return all.filter(({ kind, pod }) => kind.startsWith('pod-') && pod?.uid === uid);
  });
  const name = shownName(events?.at(-1)?.pod?.name ?? '');
  const end = events?.findLast(({ kind }) => kind === 'pod-gone');
  const heir = events?.findLast(({ kind }) => kind === 'pod-replaced')?.detail ?? '';
  const successor = picture.pods.find(({ pod }) => pod.name === heir);
  return (
    <div className="detail">
      <h2 id="panel-title">{name === '' ? 'This pod no longer exists' : `${name} no longer exists`}</h2>
      {events === null && (
        <p className="second">{error === '' ? 'Loading its events…' : `No events: ${shownName(error)}`}</p>
      )}
      {events?.length === 0 && (
        <p className="second">
          Nothing is known about it: it ended more than {spanText(historyWindowMs)} ago (HISTORY_WINDOW), or it is from
          another cluster. Older data is in Prometheus.
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
