import { MAX_REPORT_NAMES, type NameList } from '../../protocol/comparison.ts';
import type { Pod } from '../../protocol/pod.ts';

/** Gives the pods of several meshes one number each. */
export class PodTable {
  /** The pods by number. A pod that is in several meshes is as in the mesh that was added last. */
  readonly pods: Pod[] = [];
  readonly #numbers = new Map<string, number>();

  /** Adds the pods of a mesh. Returns the number of each pod by its index in the mesh. */
  add(pods: readonly Pod[]): Int32Array {
    return Int32Array.from(pods, (pod) => this.#add(pod));
  }

  /** The name of a pod; '' without one. */
  name(number: number): string {
    return this.pods[number]?.name ?? '';
  }

  #add(pod: Pod): number {
    const uid = pod.uid || `${pod.namespace}/${pod.name}`;
    const number = this.#numbers.get(uid) ?? this.pods.length;
    this.#numbers.set(uid, number);
    this.pods[number] = pod;
    return number;
  }
}

/** Counts names and keeps the first `MAX_REPORT_NAMES`. */
export class NameCounter {
  #count = 0;
  readonly #names: string[] = [];

  /** Counts one more. `name` is called only if the name is kept. */
  add(name: () => string): void {
    this.#count += 1;
    if (this.#names.length < MAX_REPORT_NAMES) this.#names.push(name());
  }

  result(): NameList {
    return { count: this.#count, names: this.#names };
  }
}

/** The number of names, and the first `MAX_REPORT_NAMES` of them. */
export function countedNames(names: readonly string[]): NameList {
  return { count: names.length, names: names.slice(0, MAX_REPORT_NAMES) };
}
