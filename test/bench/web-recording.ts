import type { Mesh } from '../../server/protocol/mesh.ts';
import { meshOf } from '../support/feed/scenarios.ts';

/** How many different pictures a recording has; then it begins anew. */
const TICKS = 3;

/**
 * A cluster of `pods` pods in which every figure changes with every picture, as in a real one where every link has been
 * pinged in between. Pictures are made beforehand: while the page is measured, serving them costs what it would cost.
 */
export class Recording {
  readonly #meshes: Mesh[];
  readonly #plain: Mesh[];
  #next = 0;
  #held: Promise<void> = Promise.resolve();

  /** `windowMs`: the window of the figures that the page will ask for. */
  constructor(pods: number, windowMs: number) {
    // The same moment for all: pods are as old in each, and so the same.
    const atMs = Date.now();
    this.#meshes = Array.from({ length: TICKS }, (_, tick) =>
      meshOf({ pods, scenario: 'mixed', windowMs, tick, atMs }),
    );
    this.#plain = this.#meshes.map((mesh) => ({
      ...mesh,
      windowMs: 0,
      reports: mesh.reports.map((report) => ({ ...report, stats: null })),
    }));
  }

  /** The next picture, as if it had been collected just now, with figures over a window only if they are asked for. */
  async next(windowMs: number): Promise<Mesh> {
    await this.#held;
    const at = this.#next++ % TICKS;
    const mesh = windowMs > 0 ? this.#meshes[at] : this.#plain[at];
    if (mesh === undefined) throw new Error('a recording without pictures');
    return { ...mesh, atMs: Date.now() };
  }

  /** Sends nothing until the function given back is called. */
  hold(): () => void {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }
}
