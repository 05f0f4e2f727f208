import type { LinkHistory, RowHistory } from '../contract/history.ts';
import type { Sample } from '../contract/outcome.ts';
import type { AgeRange } from '../contract/past.ts';
import type { Pod, Target } from '../contract/pod.ts';
import { MAX_SAMPLES, type RecentSample } from '../contract/samples.ts';
import type { Clock } from '../contract/seams.ts';
import { Departed } from './departed.ts';
import { History, type HistorySettings, newTrack } from './history.ts';
import { type Link, type LinkChange, newLink, takeSample } from './link.ts';
import { Past, type PastRowParts } from './past.ts';
import type { PastLink } from './past-parts.ts';
import { type PeerTable, peerTableOf } from './peers.ts';
import { Rings } from './rings.ts';
import { type RowParts, rowParts } from './row-parts.ts';
import { Slice } from './slice.ts';
import { Stretches } from './stretch.ts';

/** How much to keep. */
export interface ResultsSettings {
  /** For the samples of all links together. */
  maxBytes: number;
  /** Older samples, in buckets. */
  history: HistorySettings;
  /** How long the results of a link that is no longer probed are kept. */
  goneRetentionMs: number;
  /** From this latency on a link is slow (SLOW_LINK). */
  slowLinkMs: number;
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
  readonly #history: History;
  readonly #departed: Departed;
  readonly #stretches: Stretches;
  readonly #past: Past;
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
    this.#history = new History(settings.history, this.#rings);
    const { windowMs } = settings.history;
    this.#departed = new Departed(windowMs);
    this.#stretches = new Stretches(this.#rings, this.#history);
    const { clock } = deps;
    this.#past = new Past({ clock, rings: this.#rings, history: this.#history, stretches: this.#stretches, windowMs });
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
      if (link === undefined) this.#links.set(target.id, this.#newLink(target));
      else this.#revive(link, target);
    }
    this.#history.setLinks(wanted.size);
    this.#purge();
  }

  /** Takes in the sample of a probe; one of a link that is no longer probed is dropped. */
  record(target: Target, sample: Sample): void {
    const link = this.#links.get(target.id);
    if (link === undefined || link.retiredAtMs >= 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.#history.add(link.track, link.ring, nowMs, sample);
    this.#rings.add(link.ring, nowMs, sample);
    const change = takeSample(link, sample, nowMs, this.#settings.slowLinkMs * 1000);
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

  /** Our results as columns of a row, for the pods that discovery knows; `windowMs` 0 = without stats. */
  row(pods: readonly Pod[], windowMs: number): Promise<RowParts> {
    this.#purge();
    // Discovery hands on the same array until something changes, and hashing a thousand peers is not free.
    if (this.#table?.pods !== pods) this.#table = { pods, table: peerTableOf(pods) };
    const nowMs = this.#clock.monotonicMs();
    const source = { windowMs, stretches: this.#stretches, slice: new Slice(this.#clock) };
    return rowParts(this.#links.values(), this.#table.table, nowMs, windowMs > 0 ? source : null);
  }

  /** The row of a stretch of the past: see `pastParts`. */
  rowOf(range: AgeRange): Promise<PastRowParts> {
    return this.#past.rowOf(this.#pastLinks(), range);
  }

  /** How many links were how in a stretch of the past, by steps of `stepMs`. */
  rowHistory(range: AgeRange, stepMs: number): Promise<RowHistory> {
    return this.#past.rowHistory(this.#pastLinks(), range, stepMs);
  }

  /** The past of all links to a pod by steps of `stepMs`, with wall times; no steps for a pod that has none. */
  linkHistory(uid: string, range: AgeRange, stepMs: number): Pick<LinkHistory, 'nowMs' | 'resolutionMs' | 'steps'> {
    const links = this.#pastLinks().filter(({ target }) => target.uid === uid);
    return this.#past.linkHistory(links, range, stepMs);
  }

  /** How fine the past of `ageMs` ago is, as a length of time; 0 = each sample is still here. */
  resolutionMs(ageMs: number): number {
    return this.#past.resolutionMs(this.#pastLinks(), ageMs);
  }

  /** Bytes that samples and buckets take. */
  get bytes(): number {
    return this.#rings.bytes + this.#history.bytes;
  }

  #newLink(target: Target): Link {
    const track = this.#departed.take(target.id) ?? newTrack();
    return newLink(target, this.#rings.open(this.#history.newestMs(track)), track);
  }

  #pastLinks(): PastLink[] {
    const live = [...this.#links.values()].map((link) => ({ ...link, now: link }));
    const departed = [...this.#departed.all(this.#clock.monotonicMs())];
    return [...live, ...departed.map((link) => ({ ...link, now: null }))];
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
      this.#history.settle(link.track, link.ring);
      this.#rings.close(link.ring);
      if (link.newestAtMs >= 0) this.#departed.add(link.target, link.track, link.retiredAtMs);
      this.#retired -= 1;
    }
  }
}
