import type { Sample } from '../contract/outcome.ts';
import type { Pod, Target } from '../contract/pod.ts';
import { MAX_SAMPLES, type RecentSample } from '../contract/samples.ts';
import type { Clock } from '../contract/seams.ts';
import { type Link, type LinkChange, newLink, takeSample } from './link.ts';
import { type PeerTable, peerTableOf } from './peers.ts';
import { Rings } from './rings.ts';
import { type RowParts, rowParts } from './row-parts.ts';
import { Summaries, type Summary } from './summary.ts';

/** How much to keep. */
export interface ResultsSettings {
  /** For the samples of all links together. */
  maxBytes: number;
  /** How long the results of a link that is no longer probed are kept. */
  goneRetentionMs: number;
}

/** Where a probed link stands. */
export interface LinkResult {
  target: Target;
  /** The sample that stands for the link (see `judge`); null while there is none. */
  judged: Sample | null;
  /** The last sample, trusted or not; null before the first. */
  newest: Sample | null;
}

/** Beyond this many, the results of links that left first make room, whatever the retention. */
const MAX_RETIRED = 1000;

/** The results of our own probes. Nothing in it grows with time, only with the number of links, and that within bounds. */
export class Results {
  readonly #settings: ResultsSettings;
  readonly #clock: Clock;
  readonly #onLinkChange: (change: LinkChange) => void;
  readonly #links = new Map<string, Link>();
  readonly #rings: Rings;
  readonly #summaries: Summaries;
  #retired = 0;
  #table: { pods: readonly Pod[]; table: PeerTable } | null = null;

  /** `onLinkChange` is called once for each change of a link's state. */
  constructor(
    settings: ResultsSettings,
    deps: { clock: Clock },
    hooks: { onLinkChange: (change: LinkChange) => void },
  ) {
    this.#settings = settings;
    this.#clock = deps.clock;
    this.#onLinkChange = hooks.onLinkChange;
    this.#rings = new Rings(settings.maxBytes);
    this.#summaries = new Summaries(this.#rings);
  }

  /** Says which links are probed from now on. One that comes back within the retention has its samples still. */
  setTargets(targets: readonly Target[]): void {
    const nowMs = this.#clock.monotonicMs();
    const wanted = new Set(targets.map((target) => target.id));
    for (const [id, link] of this.#links) {
      if (wanted.has(id) || link.retiredAtMs >= 0) continue;
      link.retiredAtMs = nowMs;
      this.#retired += 1;
      // To the end of the map: retired links are met in the order in which they left.
      this.#links.delete(id);
      this.#links.set(id, link);
    }
    for (const target of targets) {
      const link = this.#links.get(target.id);
      if (link === undefined) this.#links.set(target.id, newLink(target, this.#rings.open()));
      else this.#revive(link, target);
    }
    this.#purge();
  }

  /** Takes in the sample of a probe; one of a link that is no longer probed is dropped. */
  record(target: Target, sample: Sample): void {
    const link = this.#links.get(target.id);
    if (link === undefined || link.retiredAtMs >= 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.#rings.add(link.ring, nowMs, sample);
    const change = takeSample(link, sample, nowMs);
    if (change !== null) this.#onLinkChange(change);
  }

  /** Every link that is probed. */
  current(): LinkResult[] {
    const probed = [...this.#links.values()].filter((link) => link.retiredAtMs < 0);
    return probed.map(({ target, verdict }) => ({ target, judged: verdict.judged, newest: verdict.newest }));
  }

  /** The recent samples of all links to a pod, oldest first, with wall times; empty for a pod that has none. */
  samples(uid: string): RecentSample[] {
    const links = [...this.#links.values()].filter((link) => link.target.uid === uid);
    // Samples are kept by monotonic time, so that a wall clock that is put right does not tear them apart.
    const wallMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    return links
      .flatMap((link) => this.#rings.read(link.ring))
      .map((sample) => ({ ...sample, atMs: Math.round(sample.atMs + wallMs) }))
      .sort((a, b) => a.atMs - b.atMs)
      .slice(-MAX_SAMPLES);
  }

  /** What the samples of one target came to in the last `windowMs`; null for a target without results. */
  summary(targetId: string, windowMs: number): Summary | null {
    const link = this.#links.get(targetId);
    return link === undefined ? null : this.#summaries.of(link.ring, this.#clock.monotonicMs() - windowMs);
  }

  /** Our results as columns of a row, for the pods that discovery knows; `windowMs` 0 = without stats. */
  row(pods: readonly Pod[], windowMs: number): RowParts {
    this.#purge();
    // Discovery hands on the same array until something changes, and hashing a thousand peers is not free.
    if (this.#table?.pods !== pods) this.#table = { pods, table: peerTableOf(pods) };
    const nowMs = this.#clock.monotonicMs();
    return rowParts(this.#links.values(), this.#table.table, nowMs, windowMs, this.#summaries);
  }

  #revive(link: Link, target: Target): void {
    link.target = target;
    if (link.retiredAtMs < 0) return;
    link.retiredAtMs = -1;
    this.#retired -= 1;
  }

  #purge(): void {
    if (this.#retired === 0) return;
    const goneMs = this.#clock.monotonicMs() - this.#settings.goneRetentionMs;
    for (const [id, link] of this.#links) {
      if (link.retiredAtMs < 0 || (link.retiredAtMs > goneMs && this.#retired <= MAX_RETIRED)) continue;
      this.#links.delete(id);
      this.#rings.close(link.ring);
      this.#retired -= 1;
    }
  }
}
