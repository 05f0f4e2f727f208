import './details.css';
import type { ViewProps } from '../../components/view-props.ts';
import { LinkPanel } from './link-panel.tsx';
import { PodPanel } from './pod-panel.tsx';
import { RemovedPodPanel } from './removed-pod-panel.tsx';

/** The panel of the selected pod or link, or of a selected pod that is in no list any more. */
export function Details(props: ViewProps) {
  const { picture, selection } = props;
  if (selection === null) return null;
  const viewOf = (uid: string) => picture.pods.find(({ pod }) => pod.uid === uid);
  const uids = 'pod' in selection ? [selection.pod] : [selection.from, selection.to];
  const removed = uids.find((uid) => viewOf(uid) === undefined);
  if (removed !== undefined) return <RemovedPodPanel key={removed} uid={removed} props={props} />;
  const [from, to] = uids.map(viewOf);
  if (from === undefined) return null;
  return to === undefined ? (
    <PodPanel props={props} view={from} />
  ) : (
    <LinkPanel key={uids.join('/')} props={props} from={from} to={to} />
  );
}
