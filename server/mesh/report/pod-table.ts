import type { Pod } from '../../contract/pod.ts';

/** All pods of several matrices, one number each. */
export class PodTable {
  /** The pods by number, each as the last matrix that had it tells it. */
  readonly pods: Pod[] = [];
  readonly #byUid = new Map<string, number>();

  /** Takes the pods of a matrix in; gives the number of each, by its index there. */
  take(pods: readonly Pod[]): Int32Array {
    return Int32Array.from(pods, (pod) => this.#take(pod));
  }

  /** The number of the pod with this uid; -1 without one. */
  ofUid(uid: string): number {
    return this.#byUid.get(uid) ?? -1;
  }

  /** A pod's name; '' of none. */
  name(index: number): string {
    return this.pods[index]?.name ?? '';
  }

  #take(pod: Pod): number {
    const uid = pod.uid || `${pod.namespace}/${pod.name}`;
    const index = this.#byUid.get(uid) ?? this.pods.length;
    this.#byUid.set(uid, index);
    this.pods[index] = pod;
    return index;
  }
}
