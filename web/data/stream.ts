import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { textOf } from '../../server/runtime/errors.ts';
import { BatchReader } from './batch.ts';

/** Server-Sent Events. `error` is the last event. Tests pass a fake. */
export interface EventStream {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

/** Callbacks of a stream. `onBroken` is the last call. */
export interface StreamEvents {
  /** An event of a mesh arrived: the stream may be slow, but it is not blocked. */
  onPart(): void;
  /** A report of a mesh that is not complete yet, and the pods of that mesh. */
  onReport(report: MergedReport, pods: readonly Pod[]): void;
  onMesh(mesh: Mesh): void;
  /** `reason`: '' if the connection broke, otherwise what was wrong with the data. */
  onBroken(reason: string): void;
}

/** Listens to a stream until it breaks or the returned function is called. */
export function listen(source: EventStream, events: StreamEvents): () => void {
  const reader = new BatchReader();
  let open = true;
  const close = () => {
    open = false;
    source.close();
  };
  const take = (work: (data: string) => void) => (event: MessageEvent<string>) => {
    if (!open) return;
    try {
      work(event.data);
    } catch (error) {
      close();
      events.onBroken(`invalid data in the stream: ${textOf(error, 160)}`);
    }
  };
  source.addEventListener(
    'head',
    take((data) => {
      reader.head(data);
      events.onPart();
    }),
  );
  source.addEventListener(
    'report',
    take((data) => {
      const { report, pods } = reader.report(data);
      events.onPart();
      events.onReport(report, pods);
    }),
  );
  source.addEventListener(
    'end',
    take(() => events.onMesh(reader.end())),
  );
  source.addEventListener('error', () => {
    if (!open) return;
    close();
    events.onBroken('');
  });
  return close;
}
