import type { AgeRange, LinkHistory, PodHistory } from '../protocol/history.ts';
import { isNormalAgain, isSlow, SUSPECT_RUN } from '../protocol/link-state.ts';
import { type PeerRef, type Pod, peersHashOf, type Target } from '../protocol/pod.ts';
import { MAX_SAMPLES, type Outcome, type RecentSample, type Sample } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';
import { History, type HistorySettings, newTrack, type Track } from './history.ts';
import { Past, type PastLink, type PastReportParts } from './past.ts';
import { type ReportParts, reportParts } from './pod-report.ts';
import { RangeStatistics } from './range-statistics.ts';
import { type Ring, Rings } from './samples.ts';

/** How much to keep. */
interface ResultsSettings {
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
interface LinkResult {
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
  readonly #ranges: RangeStatistics;
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
    this.#ranges = new RangeStatistics(this.#rings, this.#history);
    const { clock } = deps;
    this.#past = new Past({ clock, rings: this.#rings, history: this.#history, ranges: this.#ranges, windowMs });
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
    return probed.map(({ target, judgement }) => ({ target, judged: judgement.judged, newest: judgement.newest }));
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

  /** Our results as columns of a report, for the pods that discovery knows; `windowMs` 0 = without stats. */
  report(pods: readonly Pod[], windowMs: number): Promise<ReportParts> {
    this.#purge();
    // Discovery hands on the same array until something changes, and hashing a thousand peers is not free.
    if (this.#table?.pods !== pods) this.#table = { pods, table: peerTableOf(pods) };
    const nowMs = this.#clock.monotonicMs();
    const source = { windowMs, ranges: this.#ranges, slice: new TimeSlice(this.#clock) };
    return reportParts(this.#links.values(), this.#table.table, nowMs, windowMs > 0 ? source : null);
  }

  /** The report of a time range of the past: see `pastParts`. */
  reportOf(range: AgeRange): Promise<PastReportParts> {
    return this.#past.reportOf(this.#pastLinks(), range);
  }

  /** How many links were how in a time range of the past, by steps of `stepMs`. */
  podHistory(range: AgeRange, stepMs: number): Promise<PodHistory> {
    return this.#past.podHistory(this.#pastLinks(), range, stepMs);
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

/** The peers of a report, and where each is among them. */
export interface PeerTable {
  /** All that are not gone, sorted by uid. */
  peers: PeerRef[];
  /** Those that are gone, sorted by uid. */
  gone: PeerRef[];
  /** Index by uid in `peers`. */
  indexOf: ReadonlyMap<string, number>;
  /** Fingerprint of `peers`. */
  hash: string;
}

/** Makes the table of peers out of the pods that discovery knows. */
function peerTableOf(pods: readonly Pod[]): PeerTable {
  const byUid = (a: PeerRef, b: PeerRef) => (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0);
  const refsOf = (list: Pod[]) => list.map(refOf).sort(byUid);
  const peers = refsOf(pods.filter((pod) => pod.lifecycle !== 'gone'));
  const gone = refsOf(pods.filter((pod) => pod.lifecycle === 'gone'));
  return { peers, gone, indexOf: new Map(peers.map((peer, i) => [peer.uid, i])), hash: peersHashOf(peers) };
}

function refOf({ uid, name, namespace, podIPs }: Pod): PeerRef {
  return { uid, name, namespace, podIP: podIPs[0] ?? '' };
}

/** What is kept of one link. Times are monotonic. */
export interface Link {
  target: Target;
  ring: Ring;
  track: Track;
  judgement: LinkJudgement;
  /** When the newest sample came in; -1 before the first. */
  newestAtMs: number;
  /** Since when the link is ok, or failing in whatever way; -1 before the first verdict. */
  sinceMs: number;
  /** Since when its probes are slow; -1 while they are not. */
  slowSinceMs: number;
  /** Since when it is no longer probed; -1 while it is. */
  retiredAtMs: number;
}

/** A link's state has changed: from ok to failed, back, or from one way of failing to another. */
export interface LinkChange {
  target: Target;
  from: Outcome | 'unknown';
  to: Outcome;
  /** The sample that decided. */
  sample: Sample;
  /** How long the link had been ok, or failing in whatever way; 0 from 'unknown'. */
  previousForMs: number;
}

/** A link of which nothing is known yet. */
function newLink(target: Target, ring: Ring, track: Track): Link {
  const times = { newestAtMs: -1, sinceMs: -1, slowSinceMs: -1, retiredAtMs: -1 };
  return { target, ring, track, judgement: NO_JUDGEMENT, ...times };
}

/**
 * Takes one more sample into a link, at `nowMs`; gives the change if its state is another now, else null. From `slowUs` on
 * a probe is slow (SLOW_LINK).
 */
function takeSample(link: Link, sample: Sample, nowMs: number, slowUs: number): LinkChange | null {
  const before = link.judgement.judged;
  link.judgement = judge(link.judgement, sample);
  link.newestAtMs = nowMs;
  const after = link.judgement.judged;
  if (after === sample) takeSpeed(link, sample, nowMs, slowUs);
  if (after === null || after.outcome === before?.outcome) return null;
  const previousForMs = before === null ? 0 : nowMs - link.sinceMs;
  if (before === null || (before.outcome === 'ok') !== (after.outcome === 'ok')) link.sinceMs = nowMs;
  return { target: link.target, from: before?.outcome ?? 'unknown', to: after.outcome, sample: after, previousForMs };
}

function takeSpeed(link: Link, { outcome, totalUs }: Sample, nowMs: number, slowUs: number): void {
  if (outcome !== 'ok' || isNormalAgain(totalUs, slowUs)) link.slowSinceMs = -1;
  else if (isSlow(totalUs, slowUs) && link.slowSinceMs < 0) link.slowSinceMs = nowMs;
}

/** What is held to be true of one link. */
export interface LinkJudgement {
  /** The sample that stands for the link; null while none can be trusted. */
  judged: Sample | null;
  /** The last sample, trusted or not. */
  newest: Sample | null;
  /** How many samples in a report, up to the newest, are suspect. */
  suspectRun: number;
}

/** The verdict on a link of which nothing is known. */
const NO_JUDGEMENT: LinkJudgement = { judged: null, newest: null, suspectRun: 0 };

/**
 * The verdict after one more sample. A trusted sample stands for the link at once. A suspect one changes nothing until
 * it is the third in a report: our own starvation turns a link neither failed nor slow, nor back. The very first sample may
 * be suspect and yet stand, if it is ok: an answer is an answer.
 */
function judge(verdict: LinkJudgement, sample: Sample): LinkJudgement {
  if (!sample.suspect) return { judged: sample, newest: sample, suspectRun: 0 };
  const suspectRun = verdict.suspectRun + 1;
  const believed = suspectRun >= SUSPECT_RUN || (verdict.judged === null && sample.outcome === 'ok');
  return { judged: believed ? sample : verdict.judged, newest: sample, suspectRun };
}

/** A link that is no longer probed and of which only buckets are left. */
interface DepartedLink {
  target: Target;
  ring: null;
  track: Track;
  /** Since when it is no longer probed, monotonic. */
  leftMs: number;
}

/** Beyond this many, those that left first are forgotten. */
const MOST = 2_000;

/** The links of departed pods, for as long as their past is kept. */
class Departed {
  readonly #windowMs: number;
  readonly #links = new Map<string, DepartedLink>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** How many there are. */
  get size(): number {
    return this.#links.size;
  }

  /** Adds one that left last of all. */
  add(target: Target, track: Track, leftMs: number): void {
    this.#links.delete(target.id);
    this.#links.set(target.id, { target, ring: null, track, leftMs });
    const oldest = this.#links.keys().next();
    if (this.#links.size > MOST && !oldest.done) this.#links.delete(oldest.value);
  }

  /** Gives the past of a link that is probed again, and forgets it here; null if there is none. */
  take(id: string): Track | null {
    const track = this.#links.get(id)?.track ?? null;
    this.#links.delete(id);
    return track;
  }

  /** All, those that left first at first; of those beyond the window nothing. */
  all(nowMs: number): Iterable<DepartedLink> {
    for (const [id, { leftMs }] of this.#links) {
      if (leftMs >= nowMs - this.#windowMs) break;
      this.#links.delete(id);
    }
    return this.#links.values();
  }
}
