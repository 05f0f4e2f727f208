/** Choices of the reader, kept in this browser. Without storage a choice lasts as long as the page. */
export class Preferences {
  readonly #kept = new Map<string, string>();

  /** The stored choice for `key`; '' = none. */
  get(key: string): string {
    try {
      return this.#kept.get(key) ?? localStorage.getItem(`goldpinger.${key}`) ?? '';
    } catch {
      return '';
    }
  }

  /** Stores a choice. */
  set(key: string, value: string): void {
    this.#kept.set(key, value);
    try {
      localStorage.setItem(`goldpinger.${key}`, value);
    } catch {
      // Private windows and full storage: the choice is kept in memory above.
    }
  }
}
