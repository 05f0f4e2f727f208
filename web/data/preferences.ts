/** What a person chose once for this browser. Where storage is forbidden, the choice lasts as long as the page. */
export class Preferences {
  readonly #kept = new Map<string, string>();

  /** The choice made for `key`, '' without one. */
  get(key: string): string {
    try {
      return this.#kept.get(key) ?? localStorage.getItem(`goldpinger.${key}`) ?? '';
    } catch {
      return '';
    }
  }

  /** Keeps a choice. */
  set(key: string, value: string): void {
    this.#kept.set(key, value);
    try {
      localStorage.setItem(`goldpinger.${key}`, value);
    } catch {
      // Private windows and full storage: the choice is kept in memory above.
    }
  }
}
