import { textOf } from '../../server/runtime/errors.ts';

/** Functions that stop the parts of something, in the order in which the parts were started. */
export class Cleanups {
  readonly #cleanups: (() => unknown)[] = [];

  add(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /**
   * Calls each of them once, the last one first. One that fails does not keep the others, which stop processes, from running:
   * the promise rejects at the end with the first error.
   */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let cleanup = this.#cleanups.pop(); cleanup; cleanup = this.#cleanups.pop()) {
      try {
        await cleanup();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

/**
 * Resolves with what `start` resolves with. If `start` rejects, runs the cleanups that it has added, and rejects with its
 * error. If a cleanup fails too, the message says both.
 */
export async function startOrCleanUp<T>(start: (cleanups: Cleanups) => Promise<T>): Promise<T> {
  const cleanups = new Cleanups();
  try {
    return await start(cleanups);
  } catch (error) {
    await cleanups.run().catch((cleanupError) => {
      throw new Error(`${textOf(error)}. Cleaning up failed too: ${textOf(cleanupError)}`, { cause: error });
    });
    throw error;
  }
}
