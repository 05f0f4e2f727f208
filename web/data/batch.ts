import { MESH_FORMAT, type MergedReport, type Mesh, parseMergedReport, parseMesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';

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
  #reports: MergedReport[] = [];
  #mesh: Mesh | null = null;

  /** Processes a `head` event. */
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
    this.#reports = [];
  }

  /** Processes a `report` event. Returns the report and the pods of its mesh. */
  report(data: string): { report: MergedReport; pods: readonly Pod[] } {
    if (this.#head === null || this.#reports.length >= this.#reportCount)
      throw new RangeError('a report that was not announced');
    const { pods } = this.#head;
    const report = parseMergedReport(JSON.parse(data), pods.length);
    this.#reports.push(report);
    return { report, pods };
  }

  /** Processes an `end` event. Returns the whole new mesh. */
  end(): Mesh {
    const head = this.#head;
    if (head === null) throw new RangeError('an end without a head');
    const byPod = new Map<number, MergedReport>();
    if (!this.#reset) for (const report of this.#mesh?.reports ?? []) byPod.set(report.pod, report);
    for (const report of this.#reports) byPod.set(report.pod, report);
    const reports = [...byPod.values()].filter((report) => head.pods[report.pod]?.lifecycle !== 'gone');
    if (reports.length !== this.#reportCount) throw new RangeError(`${reports.length} reports of ${this.#reportCount}`);
    reports.sort((a, b) => a.pod - b.pod);
    this.#mesh = { ...head, reports };
    this.#head = null;
    this.#reports = [];
    return this.#mesh;
  }
}
