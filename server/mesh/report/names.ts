import { MAX_REPORT_NAMES, type ReportNames } from '../../contract/report.ts';

/** Counts things and names the first few. */
export class Names {
  #count = 0;
  readonly #names: string[] = [];

  /** Counts one more; `name` is only asked for where it is kept. */
  add(name: () => string): void {
    this.#count += 1;
    if (this.#names.length < MAX_REPORT_NAMES) this.#names.push(name());
  }

  /** The count and the names. */
  result(): ReportNames {
    return { count: this.#count, names: this.#names };
  }
}

/** All names of a list, counted. */
export function namesOf(names: Iterable<string>): ReportNames {
  const all = new Names();
  for (const name of names) all.add(() => name);
  return all.result();
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed({ count, names }: ReportNames, most = 5): string {
  const shown = names.slice(0, most);
  const more = count - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** `1 link`, `3 links`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
