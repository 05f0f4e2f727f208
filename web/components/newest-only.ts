/**
 * Runs a task for the newest input, one run at a time. Of the inputs that come during a run only the last one is run after it, so a
 * run that takes longer than the time between two inputs still ends.
 */
export class NewestOnly<T> {
  readonly #run: (input: T, signal: AbortSignal) => Promise<void>;
  readonly #abort = new AbortController();
  #next: { input: T } | null = null;
  #isRunning = false;

  /** `run` must not reject. Its signal is aborted by `stop`. */
  constructor(run: (input: T, signal: AbortSignal) => Promise<void>) {
    this.#run = run;
  }

  /** Runs the task for this input, now or after the current run. */
  offer(input: T): void {
    this.#next = { input };
    if (!this.#isRunning) void this.#work();
  }

  /** Aborts the run, and runs nothing any more. */
  stop(): void {
    this.#abort.abort();
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    const { signal } = this.#abort;
    for (let next = this.#next; next !== null && !signal.aborted; next = this.#next) {
      this.#next = null;
      await this.#run(next.input, signal);
    }
    this.#isRunning = false;
  }
}
