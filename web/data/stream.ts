import { createParser } from 'eventsource-parser';
import { MESH_FORMAT, type MergedReport, type Mesh, parseMergedReport, parseMesh } from '../../server/protocol/mesh.ts';

/**
 * Opens Server-Sent Events and passes type and data of each one to `onEvent`; `error` is the last one. `bytes` (without data) says
 * that something has arrived, such as a part of an event, or a comment. Returns a function that closes the stream, after which
 * nothing is passed.
 */
export type OpenStream = (onEvent: (type: string, data: string) => void) => () => void;

/** The longest line of a stream, bytes. A report of 1000 pods has 40 kB. */
const MAX_LINE = 16 * 2 ** 20;

/**
 * Opens the Server-Sent Events at `url` (WHATWG HTML, section 9.2); see `OpenStream`. `error` says that they ended, broke or
 * never started. It uses fetch, because EventSource needs as long to split 20 MB into lines as the page needs to parse them.
 */
export function openEventStream(url: string, onEvent: (type: string, data: string) => void): () => void {
  const abort = new AbortController();
  const emit = (type: string, data: string) => {
    if (!abort.signal.aborted) onEvent(type, data);
  };
  const end = () => emit('error', '');
  read(url, abort.signal, emit).then(end, end);
  return () => abort.abort();
}

/** Reads the stream. Resolves at its end. Rejects if it breaks, or if the response is not an event stream. */
async function read(url: string, signal: AbortSignal, emit: (type: string, data: string) => void): Promise<void> {
  const response = await fetch(url, { signal, cache: 'no-store', headers: { accept: 'text/event-stream' } });
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok || response.body === null || !type.startsWith('text/event-stream')) {
    throw new Error(`no stream: status ${response.status}, ${type}`);
  }
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: MAX_LINE,
    onEvent: ({ event, data }) => emit(event ?? 'message', data),
    onError: ({ type }) => {
      isTooLong ||= type === 'max-buffer-size-exceeded';
    },
  });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  while (!isTooLong) {
    const { done, value } = await reader.read();
    if (done) return;
    emit('bytes', '');
    parser.feed(decoder.decode(value, { stream: true }));
  }
  await reader.cancel();
}

/**
 * Builds the mesh from the events of the stream: one `head`, a `report` for each changed report, one `end`.
 * `head` is the mesh without reports. Its `pods` is null if they are unchanged, `reset` discards all known reports, and
 * `reportCount` is the number of reports of the new mesh. An incomplete batch changes nothing.
 * Every method throws an Error that says what is wrong; the reader must not be used afterwards.
 */
export class BatchReader {
  #head: Mesh | null = null;
  #reset = false;
  #reportCount = 0;
  #reports = new Map<number, MergedReport>();
  #mesh: Mesh | null = null;

  head(data: string): void {
    const wire: unknown = JSON.parse(data);
    if (typeof wire !== 'object' || wire === null) throw new TypeError('head is not an object');
    const { reset, reportCount, pods, ...head } = wire as Record<string, unknown>;
    const known = pods === null ? (this.#mesh?.pods ?? null) : null;
    const parsed = parseMesh({ format: MESH_FORMAT, ...head, pods: known === null ? pods : [], reports: [] });
    this.#head = known === null ? parsed : { ...parsed, pods: known };
    this.#reset = reset === true;
    if (
      !Number.isInteger(reportCount) ||
      (reportCount as number) < 0 ||
      (reportCount as number) > this.#head.pods.length
    ) {
      throw new RangeError('head without a valid count of reports');
    }
    if (!this.#reset && this.#mesh?.pods.length !== this.#head.pods.length) {
      throw new RangeError('changes to a mesh with other pods');
    }
    this.#reportCount = reportCount as number;
    this.#reports = new Map();
  }

  /** Returns the report, and the mesh that it is for: without reports, and the same object until the next `head`. */
  report(data: string): { head: Mesh; report: MergedReport } {
    const head = this.#head;
    if (head === null) throw new RangeError('a report without a head');
    const report = parseMergedReport(JSON.parse(data), head.pods.length);
    if (this.#reports.size >= this.#reportCount || this.#reports.has(report.pod) || isGone(head, report)) {
      throw new RangeError('a report that was not announced');
    }
    this.#reports.set(report.pod, report);
    return { head, report };
  }

  /** Processes an `end` event. Returns the whole new mesh. */
  end(): Mesh {
    const head = this.#head;
    if (head === null) throw new RangeError('an end without a head');
    const reports = [...this.#reports.values()];
    for (const report of this.#reset ? [] : (this.#mesh?.reports ?? [])) {
      if (!this.#reports.has(report.pod) && !isGone(head, report)) reports.push(report);
    }
    if (reports.length !== this.#reportCount) throw new RangeError(`${reports.length} reports of ${this.#reportCount}`);
    reports.sort((a, b) => a.pod - b.pod);
    this.#mesh = { ...head, reports };
    this.#head = null;
    this.#reports = new Map();
    return this.#mesh;
  }
}

function isGone({ pods }: Mesh, { pod }: MergedReport): boolean {
  return pods[pod]?.lifecycle === 'gone';
}
