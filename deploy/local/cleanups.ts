/** Functions that stop the parts of something, in the order in which the parts were started. */
export type Cleanups = (() => unknown)[];

/**
 * Calls each of them once, the last one first. One that fails does not keep the others, which stop processes, from running:
 * the promise rejects at the end with the first error.
 */
export async function runAll(cleanups: Cleanups): Promise<void> {
  const errors: unknown[] = [];
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      await cleanup();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
