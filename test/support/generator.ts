/** Runs a generator that yields between time slices to its end. Returns its result and the number of steps. */
export function runToEnd<T>(work: Generator<void, T>): { result: T; steps: number } {
  for (let steps = 1; ; steps++) {
    const step = work.next();
    if (step.done === true) return { result: step.value, steps };
  }
}
