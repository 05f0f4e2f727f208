import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeMeshRow, type Mesh, type MeshRow } from '../contract/mesh.ts';
import { PacedWriter } from './paced-writer.ts';
import { equalPods, samePods, sameRow, UNSENT } from './row-changes.ts';

/** The JSON of rows, made once however many pages watch; forgotten with the rows. */
export type RowTexts = WeakMap<MeshRow, string>;

/**
 * One page that watches. It is sent whole pictures only, at its own pace: while it is still reading one, newer ones
 * replace each other, so a slow reader costs no memory and misses only what is already out of date.
 */
export class Watcher {
  readonly #res: ServerResponse;
  readonly #writer: PacedWriter;
  readonly #texts: RowTexts;
  #sent: Mesh | null = null;
  #next: Mesh | null = null;
  #busy = false;

  constructor(res: ServerResponse, texts: RowTexts) {
    this.#res = res;
    this.#writer = new PacedWriter(res);
    this.#texts = texts;
  }

  /** Offers a newer picture. */
  offer(mesh: Mesh): void {
    this.#next = mesh;
    if (!this.#busy) void this.#send();
  }

  /** A comment that keeps proxies from cutting the stream; skipped while there is unread data. */
  heartbeat(): void {
    if (!this.#busy && !this.#res.destroyed) this.#res.write(':\n\n');
  }

  async #send(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#next !== null && !this.#res.destroyed) {
        const mesh = this.#next;
        this.#next = null;
        await this.#sendPicture(mesh);
        this.#sent = mesh;
      }
    } finally {
      this.#busy = false;
    }
  }

  async #sendPicture(mesh: Mesh): Promise<void> {
    const before = this.#sent !== null && samePods(this.#sent, mesh) ? this.#sent : null;
    const { rows, ...head } = mesh;
    const reset = before === null;
    // A thousand pods are 300 kB that hardly ever change, and 3 ms in one go.
    const pods = before !== null && equalPods(before.pods, mesh.pods) ? null : mesh.pods;
    await this.#write('head', JSON.stringify({ ...head, pods, reset, rowCount: rows.length }));
    for (const [i, row] of rows.entries()) {
      const old = before?.rows[i];
      if (old !== undefined && sameRow(old, row)) continue;
      await this.#write('row', this.#textOf(row));
      // Comparing and encoding a row takes up to 0.3 ms at 1000 pods: leave room for pings between two.
      await nextTurn();
    }
    await this.#write('end', '{}');
  }

  #textOf(row: MeshRow): string {
    const known = this.#texts.get(row);
    if (known !== undefined) return known;
    const text = encodeMeshRow(row, UNSENT);
    this.#texts.set(row, text);
    return text;
  }

  #write(event: string, data: string): Promise<void> {
    return this.#writer.write(`event: ${event}\ndata: ${data}\n\n`);
  }
}
