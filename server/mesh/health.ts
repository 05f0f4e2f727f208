import { FLAG_NOT_YET } from '../contract/links.ts';
import type { Mesh, MeshHealth, MeshRow, MeshSettings } from '../contract/mesh.ts';
import { OUTCOMES } from '../contract/outcome.ts';
import type { Pod } from '../contract/pod.ts';
import { type Blame, FailedLinks } from './failed-links.ts';

/** The most sentences a pod, and characters of a name in one. */
const MAX_WHY = 5;
const MAX_NAME = 80;

/** What can be told of the mesh apart from its rows. */
export type MeshHead = Pick<Mesh, 'atMs' | 'discovery' | 'settings'>;

/**
 * How long a difference between pods' lists is put down to news on its way, ms: one refresh interval and a half (pods
 * that may not watch list once an interval), and 2 s at least, as the API's times are whole seconds.
 */
export function toleranceOf(settings: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return Math.max(2_000, 1.5 * intervalOf(settings));
}

/** Without pinging, the list is still refreshed about this often. */
function intervalOf({ refreshIntervalMs }: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return refreshIntervalMs > 0 ? refreshIntervalMs : 30_000;
}

/**
 * Counts what speaks against health while rows come in, so that no single turn looks at a million links.
 * Only pods that are ready are judged, and links between them; not probed, not yet probed and starved-only links are
 * neither good nor bad. A pod that has been ready and is silent now counts too: a node that died is not ready any more
 * half a minute later, and no healthier for it.
 */
export class HealthTally {
  readonly #pods: readonly Pod[];
  readonly #ready: Uint8Array;
  readonly #links: FailedLinks;
  readonly #missing = new Map<number, string>();
  readonly #differing: number[] = [];
  #judged = 0;

  constructor(pods: readonly Pod[]) {
    this.#pods = pods;
    this.#ready = Uint8Array.from(pods, (pod) => (pod.lifecycle === 'ready' ? 1 : 0));
    this.#links = new FailedLinks(pods.length);
  }

  /** Takes one row into account. O(links). */
  add(row: MeshRow): void {
    const isReady = this.#ready[row.pod] === 1;
    if (row.missing !== '' && (isReady || this.#pods[row.pod]?.lifecycle === 'not-ready')) {
      const why = row.missingDetail === '' ? row.missing : `${row.missing}: ${row.missingDetail}`;
      this.#missing.set(row.pod, `${isReady ? '' : 'is not ready and '}did not report (${why})`);
    }
    if (row.missing !== '' || !isReady) return;
    if (!row.samePeers) this.#differing.push(row.pod);
    const { length, to, flags, outcome } = row.links;
    for (let i = 0; i < length; i++) {
      const probed = to[i] ?? 0;
      if (((flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || this.#ready[probed] !== 1) continue;
      this.#judged += 1;
      this.#links.add(row.pod, probed, outcome[i] ?? 0);
    }
  }

  /** The verdict on everything added. */
  health(head: MeshHead): MeshHealth {
    const general = generalFaults(head, this.#pods);
    const why = this.#reasons();
    // Right after start nothing speaks against anybody, and nothing for them either.
    if (general.length === 0 && this.#judged === 0 && head.settings.refreshIntervalMs > 0) {
      general.push('no link has been probed yet');
    }
    const reasons = [...why.keys()].sort((a, b) => a - b).map((pod) => ({ pod, why: why.get(pod) ?? [] }));
    return { ok: general.length === 0 && reasons.length === 0, reasons, general };
  }

  #reasons(): Map<number, string[]> {
    const why = new Map<number, string[]>();
    const accuse = (pod: number, sentence: string) => {
      const list = why.get(pod) ?? [];
      if (list.length < MAX_WHY) list.push(sentence.slice(0, 400));
      why.set(pod, list);
    };
    for (const [pod, words] of this.#missing) accuse(pod, words);
    const blames = this.#links.blames();
    for (const [pod, blame] of blames.into) {
      const { failed, probed } = this.#links.into(pod);
      accuse(pod, `${failed} of ${probed} links into it fail${this.#named(blame, failed, 'from')}`);
    }
    for (const [pod, blame] of blames.from) {
      const probed = this.#links.probedFrom(pod);
      accuse(pod, `${blame.count} of ${probed} links from it fail${this.#named(blame, blame.count, 'to')}`);
    }
    for (const pod of this.#differing) accuse(pod, 'knows other pods than the serving pod does');
    return why;
  }

  /** `: refused (from a, b and 3 more)`. */
  #named({ outcomes, others }: Blame, count: number, end: 'from' | 'to'): string {
    if (others.length === 0) return '';
    const names = others.map((pod) => (this.#pods[pod]?.name ?? '').slice(0, MAX_NAME)).join(', ');
    const more = count > others.length ? ` and ${count - others.length} more` : '';
    return `: ${outcomes.map((outcome) => OUTCOMES[outcome]).join(', ')} (${end} ${names}${more})`;
  }
}

/**
 * Why the mesh as a whole is not healthy whatever its rows say: nobody to ping is health only if the list is right and
 * we truly are alone, and a list that could not be refreshed for two intervals may hide anything.
 */
function generalFaults({ atMs, discovery, settings }: MeshHead, pods: readonly Pod[]): string[] {
  const since = new Date(discovery.sinceMs).toISOString();
  const because = discovery.lastError === null ? '' : ` (${discovery.lastError.message.slice(0, 200)})`;
  if (discovery.phase === 'waiting') return [`waiting for the Kubernetes API since ${since}${because}`];
  const faults: string[] = [];
  if (discovery.phase === 'stale' && atMs - discovery.sinceMs > 2 * intervalOf(settings)) {
    faults.push(`the list of pods could not be refreshed since ${since}${because}`);
  }
  if (!pods.some((pod) => pod.lifecycle !== 'gone')) {
    faults.push(`no pod matches ${discovery.labelSelector.slice(0, 200)}`);
  } else if (!pods.some((pod) => pod.lifecycle === 'ready')) {
    faults.push('no pod is ready');
  }
  return faults;
}
