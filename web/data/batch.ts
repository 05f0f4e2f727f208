import { MESH_FORMAT, type Mesh, type MeshRow, parseMesh, parseMeshRow } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';

/**
 * Puts the matrix together from the stream's events: `head` (the matrix without rows, `pods: null` where they are as
 * before, whether to forget all rows (`reset`), and how many there are in all (`rowCount`)), then a `row` for each that
 * changed, then `end`. Until `end` nothing is shown, so a batch that breaks off changes nothing.
 * Every method throws an Error that says what is wrong; the reader is then of no further use.
 */
export class BatchReader {
  #head: Mesh | null = null;
  #reset = false;
  #rowCount = 0;
  #rows: MeshRow[] = [];
  #mesh: Mesh | null = null;

  /** Takes the data of a `head` event. */
  head(data: string): void {
    const wire: unknown = JSON.parse(data);
    if (typeof wire !== 'object' || wire === null) throw new TypeError('head is no object');
    const { reset, rowCount, pods, ...head } = wire as Record<string, unknown>;
    const known = pods === null ? (this.#mesh?.pods ?? null) : null;
    const parsed = parseMesh({ format: MESH_FORMAT, ...head, pods: known === null ? pods : [], rows: [] });
    this.#head = known === null ? parsed : { ...parsed, pods: known };
    this.#reset = reset === true;
    if (!Number.isInteger(rowCount) || (rowCount as number) < 0 || (rowCount as number) > this.#head.pods.length) {
      throw new RangeError('head without a valid count of rows');
    }
    if (!this.#reset && this.#mesh?.pods.length !== this.#head.pods.length) {
      throw new RangeError('changes to a matrix of other pods');
    }
    this.#rowCount = rowCount as number;
    this.#rows = [];
  }

  /** Takes the data of a `row` event; gives the row and the pods it is among. */
  row(data: string): { row: MeshRow; pods: readonly Pod[] } {
    if (this.#head === null || this.#rows.length >= this.#rowCount)
      throw new RangeError('a row that was not announced');
    const { pods } = this.#head;
    const row = parseMeshRow(JSON.parse(data), pods.length);
    this.#rows.push(row);
    return { row, pods };
  }

  /** Takes an `end` event; gives the whole matrix as it is now. */
  end(): Mesh {
    const head = this.#head;
    if (head === null) throw new RangeError('an end without a head');
    const byPod = new Map<number, MeshRow>();
    if (!this.#reset) for (const row of this.#mesh?.rows ?? []) byPod.set(row.pod, row);
    for (const row of this.#rows) byPod.set(row.pod, row);
    const rows = [...byPod.values()].filter((row) => head.pods[row.pod]?.lifecycle !== 'gone');
    if (rows.length !== this.#rowCount) throw new RangeError(`${rows.length} rows of ${this.#rowCount}`);
    rows.sort((a, b) => a.pod - b.pod);
    this.#mesh = { ...head, rows };
    this.#head = null;
    this.#rows = [];
    return this.#mesh;
  }
}
