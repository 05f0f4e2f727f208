import type { StubPod } from '../../support/kube-objects.ts';
import { at } from './store-scene.ts';

/**
 * What happens to one of the pods (`pick` chooses it), to all pods of its node (`drain`: they are deleted; `node`: the node is), or
 * to their owner. `evict` is what the kubelet does where a node runs out of memory or disk.
 */
export interface Action {
  kind: 'delete' | 'force' | 'evict' | 'drain' | 'unlabel' | 'node' | 'up' | 'down';
  pick: number;
  /** How long a deleted pod takes to end, ms; at most its grace period. */
  endsAfterMs: number;
}

/** One change of a pod as a watch tells it. */
export interface Change {
  atMs: number;
  isDeleted: boolean;
  pod: StubPod;
}

/** What is true of a pod that has left. */
interface Truth {
  goneMs: number;
  /** uids of the pods of which one replaces it; empty = it was not replaced. */
  replacedBy: string[];
}

const GRACE_MS = 30_000;
/** The controller acts this long after a change. */
const CONTROLLER_MS = 20;

/**
 * A ReplicaSet or a DaemonSet with its pods, as the API server and the controllers of Kubernetes 1.33 treat them. Times are
 * ms since the epoch. A change of the future (the end of a deletion) waits until `advance` reaches it.
 */
export class OwnerModel {
  readonly changes: Change[] = [];
  /** By uid. */
  readonly truth = new Map<string, Truth>();
  readonly #isDaemon: boolean;
  readonly #alive = new Map<string, StubPod>();
  readonly #due: { atMs: number; run: () => void }[] = [];
  #nowMs = at(0);
  #replicas = 3;
  #count = 0;
  /** Pods that have left since the controller acted, and are to be replaced. */
  #toReplace: string[] = [];

  constructor(isDaemon: boolean) {
    this.#isDaemon = isDaemon;
    for (let i = 0; i < this.#replicas; i++) this.#create(`n${i}`);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** The pods that the API lists now. */
  list(): StubPod[] {
    return [...this.#alive.values()];
  }

  /** Lets time pass. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#due.filter((due) => due.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#due.splice(this.#due.indexOf(next), 1);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = endMs;
  }

  /** Does one thing, and lets the controller answer it. */
  act({ kind, pick, endsAfterMs }: Action): void {
    const active = this.list().filter((pod) => pod.deletedMs === undefined && pod.phase !== 'Failed');
    const pod = active[pick % Math.max(1, active.length)];
    if (kind === 'up' || kind === 'down') {
      if (!this.#isDaemon) this.#replicas = Math.min(5, Math.max(1, this.#replicas + (kind === 'up' ? 1 : -1)));
    } else if (pod !== undefined) {
      const onNode = kind === 'node' || kind === 'drain' ? active.filter(({ node }) => node === pod.node) : [pod];
      for (const leaver of onNode) this.#leave(leaver, kind, endsAfterMs);
    }
    this.advance(CONTROLLER_MS);
    this.#control(endsAfterMs);
  }

  #leave(pod: StubPod, kind: Action['kind'], endsAfterMs: number): void {
    this.#toReplace.push(pod.uid ?? '');
    if (kind === 'delete' || kind === 'drain') this.#delete(pod, endsAfterMs);
    else if (kind === 'evict' || kind === 'node') {
      this.#put({ ...pod, phase: 'Failed' });
      this.#gone(pod);
      if (kind === 'node') this.#due.push({ atMs: this.#nowMs + 10, run: () => this.#remove(pod) });
    } else {
      const forced = kind === 'force' ? { ...pod, deletedMs: this.#nowMs, graceSeconds: 0 } : pod;
      if (kind === 'force') this.#put(forced);
      this.#remove(forced);
    }
  }

  /** The API server tells the request first. At the end it tells it once more, with the time of the end and without grace. */
  #delete(pod: StubPod, endsAfterMs: number): void {
    const { uid = '' } = pod;
    this.#put({ ...pod, deletedMs: this.#nowMs });
    const atMs = this.#nowMs + Math.min(endsAfterMs, GRACE_MS);
    const run = () => {
      if (!this.#alive.has(uid)) return;
      const ended = { ...pod, deletedMs: this.#nowMs, graceSeconds: 0 };
      this.#put(ended);
      this.#remove(ended);
      if (this.#isDaemon) this.#control(0);
    };
    this.#due.push({ atMs, run });
  }

  #control(endsAfterMs: number): void {
    const active = this.list().filter((pod) => pod.deletedMs === undefined && pod.phase !== 'Failed');
    if (this.#isDaemon) {
      this.#controlDaemons(active);
      return;
    }
    const created: string[] = [];
    for (let i = active.length; i < this.#replicas; i++) created.push(this.#create(`n${this.#count % 3}`));
    const replaced = this.#toReplace.splice(0);
    // A pod that leaves as its owner is scaled down is not replaced.
    for (const uid of replaced) this.#truthOf(uid).replacedBy = created;
    for (const surplus of active.slice(this.#replicas)) this.#delete(surplus, endsAfterMs);
  }

  /** A pod of a DaemonSet is replaced once it does not exist any more; a failed one is deleted by the controller. */
  #controlDaemons(active: StubPod[]): void {
    for (const pod of this.list()) if (pod.phase === 'Failed') this.#remove(pod);
    for (let i = 0; i < this.#replicas; i++) {
      const node = `n${i}`;
      if ([...active, ...this.list()].some((pod) => pod.node === node)) continue;
      const uid = this.#create(node);
      const isReplaced = (old: string) => old.startsWith(`${node}-`) && old !== uid;
      for (const old of this.#toReplace.filter(isReplaced)) this.#truthOf(old).replacedBy = [uid];
      this.#toReplace = this.#toReplace.filter((old) => !isReplaced(old));
    }
  }

  #create(node: string): string {
    const uid = `${node}-${this.#count++}`;
    const ownerKind = this.#isDaemon ? 'DaemonSet' : 'ReplicaSet';
    this.#put({ name: uid, uid, node, ownerKind, owner: 'owner', createdMs: this.#nowMs, ip: '10.1.0.1', ready: true });
    return uid;
  }

  #put(pod: StubPod): void {
    this.#alive.set(pod.uid ?? '', pod);
    this.changes.push({ atMs: this.#nowMs, isDeleted: false, pod });
  }

  #remove(pod: StubPod): void {
    if (!this.#alive.delete(pod.uid ?? '')) return;
    this.changes.push({ atMs: this.#nowMs, isDeleted: true, pod });
    this.#gone(pod);
  }

  #gone({ uid = '' }: StubPod): void {
    const truth = this.#truthOf(uid);
    truth.goneMs ||= this.#nowMs;
  }

  #truthOf(uid: string): Truth {
    const truth = this.truth.get(uid) ?? { goneMs: 0, replacedBy: [] };
    this.truth.set(uid, truth);
    return truth;
  }
}
