import { BusyError } from '../contract/errors.ts';

/** Does one job at a time. */
export class InTurn {
  readonly #most: number;
  readonly #words: string;
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;

  /** Takes at most `most` jobs at once, the one that runs among them; `words` say so to who comes too many. */
  constructor(most: number, words: string) {
    this.#most = most;
    this.#words = words;
  }

  /** Does a job when those before it are done, however they ended. Rejects with a BusyError if there are too many. */
  do<T>(job: () => Promise<T>): Promise<T> {
    if (this.#jobs >= this.#most) return Promise.reject(new BusyError(this.#words));
    this.#jobs += 1;
    const done = this.#last.then(job).finally(() => {
      this.#jobs -= 1;
    });
    // Without what it came to, which may be large.
    this.#last = done.then(
      () => {},
      () => {},
    );
    return done;
  }
}
