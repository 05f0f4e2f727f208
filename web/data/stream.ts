import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { textOf } from '../../server/runtime/errors.ts';
import { BatchReader } from './batch.ts';

/** Server-Sent Events as they come in; `error` = they are over. Tests pass their own. */
export interface EventStream {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

/** What a stream tells. After `onBroken` it tells nothing more. */
export interface StreamEvents {
  /** Part of a picture has come: the stream is slow perhaps, but not cut off. */
  onPart(): void;
  /** A report of a picture that is not complete yet, and the pods it is among. */
  onReport(report: MergedReport, pods: readonly Pod[]): void;
  onMesh(mesh: Mesh): void;
  /** `reason`: '' where the connection broke, else what was wrong with what came, in words. */
  onBroken(reason: string): void;
}

/** Listens to a stream until it breaks or the given function is called. */
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
