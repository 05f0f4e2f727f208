import { MeshCounts } from '../analysis/findings/counts.ts';
import { analysisOf } from '../analysis/findings/evidence.ts';
import { findingsFrom } from '../analysis/findings/findings.ts';
import { isReportMissing } from '../protocol/link-state.ts';
import type { MergedReport, Mesh, MeshSettings, UnjudgedMesh } from '../protocol/mesh.ts';
import { type PeerRef, type Pod, peersHashOf } from '../protocol/pod.ts';
import { podNamer } from '../protocol/pod-names.ts';
import type { PodReport } from '../protocol/pod-report.ts';
import type { Timer } from '../runtime/clock.ts';
import { runSliced, TimeSlice } from '../runtime/concurrency.ts';
import { BusyError, textOf } from '../runtime/errors.ts';
import { healthFrom } from './cluster-health.ts';
import { type CollectDeps, type CollectView, type PastView, viewOfNow } from './collect-view.ts';
import { type Arrival, mergedReportOfCheck, missingReport } from './merged-report.ts';
import { type ReportLimits, type ReportQuery, type ReportResult, reportLimits } from './report-query.ts';

/** What a caller of `Collector.collect` wants. */
interface CollectOptions {
  /** Window of the statistics, ms; 0 = none. */
  windowMs: number;
  /** A finished mesh of at most this age will do, ms. Meshes are kept for about a second: see `#keep`. */
  maxAgeMs: number;
}

/** A mesh, when its collection ended, and when the report of each pod came (by its index), monotonic ms. */
interface Finished<M = Mesh> {
  mesh: M;
  endMs: number;
  arrivedMs: ReadonlyMap<number, number>;
}

/** Window of the statistics that findings quote, ms. */
export const FINDINGS_WINDOW_MS = 60_000;
/** Routes use a mesh again that is at most this old, ms, so that calls in quick succession share one collection. */
export const MESH_MAX_AGE_MS = 500;
/** How long a finished mesh is kept, in addition to the time that its collection took: see `#keep`. */
const KEEP_MS = 1000;
/** A report of the last mesh stands in for a late one only up to this age: a fault may have begun since. */
const FRESH_MS = 2_000;

/** Collects the mesh on request, once for all who ask at about the same time for one window. */
export class Collector {
  readonly #deps: CollectDeps;
  /** Collections in progress and finished meshes, by window. */
  readonly #running = new Map<number, { mesh: Promise<Mesh>; collection: Collection }>();
  readonly #finished = new Map<number, Finished & { expiry: Timer }>();
  #isStopped = false;

  constructor(deps: CollectDeps) {
    this.#deps = deps;
  }

  /** Resolves within `budgetMs`, with the reports that have come by then: see `meshInTime`. */
  collect(options: CollectOptions, budgetMs: number): Promise<UnjudgedMesh>;
  /** The mesh. Rejects with a BusyError after `stop`, and if too many different windows are asked for at once (`meshLimits`). */
  collect(options: CollectOptions): Promise<Mesh>;
  collect(options: CollectOptions, budgetMs?: number): Promise<UnjudgedMesh> {
    const mesh = this.#wholeMesh(options);
    return budgetMs === undefined ? mesh : this.#within(budgetMs, options.windowMs, mesh);
  }

  /** Keeps no mesh any more. Collections in progress end when the client is stopped. */
  stop(): void {
    this.#isStopped = true;
    for (const windowMs of [...this.#finished.keys()]) this.#forget(windowMs);
  }

  async #wholeMesh({ windowMs, maxAgeMs }: CollectOptions): Promise<Mesh> {
    if (this.#isStopped) throw new BusyError('this pod is shutting down');
    const recent = this.#recentMesh(windowMs, maxAgeMs);
    if (recent !== null) return recent;
    const joined = this.#runningOf(windowMs);
    if (joined !== undefined) return joined.mesh;
    const limit = this.#limits().running;
    if (this.#running.size >= limit) throw new BusyError(`more than ${limit} windows asked for at once, try again`);
    const collection = this.#start(windowMs);
    const mesh = collection.run().finally(() => this.#running.delete(windowMs));
    this.#running.set(windowMs, { mesh, collection });
    this.#keep(windowMs, await mesh, collection.arrivedMs);
    return mesh;
  }

  /** The collection in progress with statistics over `windowMs`. 0 = none are wanted: then any will do, the one that began first. */
  #runningOf(windowMs: number) {
    return this.#running.get(windowMs) ?? (windowMs === 0 ? this.#running.values().next().value : undefined);
  }

  /** A finished mesh that is young enough; null without one. */
  #recentMesh(windowMs: number, maxAgeMs: number): Mesh | null {
    // If no statistics are wanted, any mesh will do: the newest, which was kept last.
    const recent = windowMs === 0 ? [...this.#finished.values()].at(-1) : this.#finished.get(windowMs);
    if (recent === undefined) return null;
    const ageMs = this.#deps.clock.monotonicMs() - recent.endMs;
    return ageMs <= maxAgeMs ? { ...recent.mesh, ageMs } : null;
  }

  /**
   * Starts a collection. It drops each report of the last mesh when the pod's new one has come, because two meshes of 1000 pods take
   * 28 MB. Therefore this is not part of `#wholeMesh`: an async function keeps its variables, here the last mesh, until it ends.
   */
  #start(windowMs: number): Collection {
    const last = this.#finished.get(windowMs) ?? null;
    this.#forget(windowMs);
    return new Collection(this.#deps, viewOfNow(windowMs, this.#deps), last);
  }

  #within(budgetMs: number, windowMs: number, whole: Promise<Mesh>): Promise<UnjudgedMesh> {
    return new Promise((resolve, reject) => {
      const timer = this.#deps.clock.setTimer(() => {
        // Without one, the collection has just ended: `whole` settles now.
        const collection = this.#runningOf(windowMs)?.collection;
        if (collection !== undefined) resolve(collection.meshInTime());
      }, budgetMs);
      whole.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  /** How many meshes of now may be collected at once, and how many are kept. */
  #limits(): MeshLimits['now'] {
    return meshLimits(this.#deps.snapshot().pods.length, this.#deps.settings().pingNumber).now;
  }

  /** Keeps a finished mesh for a while, for callers who ask soon after. */
  #keep(windowMs: number, mesh: Mesh, arrivedMs: Finished['arrivedMs']): void {
    if (this.#isStopped) return;
    const { clock } = this.#deps;
    this.#forget(windowMs);
    // A mesh that took long is kept longer, because callers with a budget get reports of it while the next collection is under way;
    // but not beyond `FRESH_MS`, from which on they get none.
    const keepMs = Math.min(KEEP_MS + mesh.collectMs, FRESH_MS);
    const expiry = clock.setTimer(() => this.#finished.delete(windowMs), keepMs);
    this.#finished.set(windowMs, { mesh, endMs: clock.monotonicMs(), arrivedMs, expiry });
    const { kept } = this.#limits();
    for (const older of [...this.#finished.keys()].slice(0, -kept)) this.#forget(older);
  }

  #forget(windowMs: number): void {
    this.#finished.get(windowMs)?.expiry.cancel();
    this.#finished.delete(windowMs);
  }
}

/** Why the report of a pod on a passive node is missing. */
const PASSIVE = 'its node is passive by ACTIVE_NODE_PERCENTAGE and ACTIVE_NODES';
/** The most different tables of peers that a collection keeps. Pods whose table is not kept send it. */
const MAX_TABLES = 16;

/** One collection of the mesh, from one list of pods. */
export class Collection {
  readonly #deps: CollectDeps;
  readonly #view: CollectView;
  readonly #startMs: number;
  /** When the last call must have ended, monotonic. */
  readonly #endMs: number;
  /** For the steps from the construction to the first call: with 1000 pods some of them take a millisecond. */
  readonly #slice: TimeSlice;
  readonly #settings: MeshSettings;
  readonly #reports = new Map<number, MergedReport>();
  readonly #counts: MeshCounts;
  readonly #limits: ReportLimits;
  /** Index of our own pod; -1 if we do not know it. */
  readonly #self: number;
  /** Our own pod's name by its own report, in case the index does not know our pod. */
  #selfName = '';
  /**
   * By hash: the tables of peers that came with reports. Pods with the same list of pods send the same table, and with 1000 pods it
   * takes 1 ms and 110 kB. So a request offers one by its hash, and the pod leaves its table out if it is the same.
   */
  readonly #tables = new Map<string, PeerRef[]>();
  /** Hash of the table that requests offer: that of the newest report, because our own may lack a change. */
  #offeredHash = '';
  /** Of the last mesh, if it has the same pods: the reports whose new one has not come yet. */
  readonly #last: { reports: Map<number, MergedReport>; arrivedMs: Finished['arrivedMs'] } | null = null;
  /** When the report of each pod came, monotonic ms: the time of day in a report may have been corrected since. */
  readonly arrivedMs = new Map<number, number>();

  /** `last`: the mesh whose reports stand in for late ones in `meshInTime`. */
  constructor(deps: CollectDeps, view: CollectView, last: Omit<Finished<UnjudgedMesh>, 'endMs'> | null = null) {
    this.#deps = deps;
    this.#view = view;
    this.#startMs = deps.clock.monotonicMs();
    this.#endMs = deps.fanOut.endMs();
    this.#slice = new TimeSlice(deps.clock);
    this.#settings = deps.settings();
    this.#counts = new MeshCounts(view.snapshot.pods, this.#settings);
    this.#limits = reportLimits(view.snapshot.pods);
    const selfUid = deps.selfUid();
    this.#self = selfUid === '' ? -1 : view.index.ofUid(selfUid);
    if (last !== null && hasSameUids(view.index.pods, last.mesh.pods)) {
      const reports = new Map(last.mesh.reports.map((report) => [report.pod, report]));
      this.#last = { reports, arrivedMs: last.arrivedMs };
    }
  }

  /** Asks every pod that can be asked, merges the reports, and judges the mesh. Never rejects because of a peer. */
  async run(): Promise<Mesh> {
    const { clock, fanOut, random, isPassive } = this.#deps;
    const { pods, status } = this.#view.snapshot;
    if (this.#slice.isOver()) await this.#slice.next();
    await this.#takeOwnReport();
    if (this.#slice.isOver()) await this.#slice.next();
    // Each collection begins at a random pod, so that it is not always the same pods that are asked last, or too late.
    const first = Math.floor(random() * pods.length);
    const self = pods[this.#self];
    const asked: Pod[] = [];
    for (const pod of [...pods.slice(first), ...pods.slice(0, first)]) {
      if (pod === self || pod.lifecycle === 'gone') continue;
      if (isPassive(pod)) this.#add(missingReport(this.#arrivalOf(pod), 'passive', PASSIVE));
      else asked.push(pod);
    }
    await fanOut.run(asked, (pod, deadlineMs) => this.#ask(pod, deadlineMs));
    const context = { atMs: this.#view.past?.ofMesh().toMs ?? clock.nowMs(), discovery: status, servedBy: this.#self };
    const slice = new TimeSlice(clock);
    const analysis = await runSliced(analysisOf(this.#counts, this.#self), clock);
    const findings = await runSliced(findingsFrom(analysis, context), clock);
    const health = await runSliced(healthFrom(analysis, context), clock);
    if (slice.isOver()) await slice.next();
    return { ...this.#partialMesh(), health, findings };
  }

  /** The mesh as far as reports have come. */
  #partialMesh(): UnjudgedMesh {
    const { clock } = this.#deps;
    const { windowMs, snapshot, index } = this.#view;
    const pods = [...index.pods];
    return {
      atMs: clock.nowMs(),
      collectMs: clock.monotonicMs() - this.#startMs,
      ageMs: 0,
      windowMs,
      past: this.#view.past?.ofMesh() ?? null,
      servedBy: { pod: this.#self, name: podNamer(pods)(pods[this.#self]) || this.#selfName },
      discovery: snapshot.status,
      settings: this.#settings,
      pods,
      reports: [...this.#reports.values()].sort((a, b) => a.pod - b.pod),
    };
  }

  /**
   * As `#partialMesh`, with a report for every pod: in place of one that has not come yet that of the last mesh, if that came at most
   * `FRESH_MS` ago, else a missing one.
   */
  meshInTime(): UnjudgedMesh {
    const partial = this.#partialMesh();
    const last = this.#last;
    const nowMs = this.#deps.clock.monotonicMs();
    const reports = new Map(partial.reports.map((report) => [report.pod, report]));
    for (const [pod, { lifecycle }] of partial.pods.entries()) {
      if (lifecycle === 'gone' || reports.has(pod)) continue;
      const late = last?.reports.get(pod);
      const arrivedMs = last?.arrivedMs.get(pod) ?? Number.NEGATIVE_INFINITY;
      const isFresh = late?.missing === '' && nowMs - arrivedMs <= FRESH_MS;
      const arrival = { pod, atMs: partial.atMs, fetchUs: 0 };
      reports.set(pod, isFresh ? late : missingReport(arrival, 'timeout', 'its answer has not come yet'));
    }
    return { ...partial, reports: [...reports.values()].sort((a, b) => a.pod - b.pod) };
  }

  /** Adds our own report. Requests offer its table of peers until another report comes. */
  async #takeOwnReport(): Promise<void> {
    const report = await this.#view.ownReport();
    this.#selfName = report.pod.name;
    // Our own hash needs no check (`#sharePeers`), which takes 1 ms with 1000 pods.
    if (report.peers !== null) this.#tables.set(report.peersHash, report.peers);
    this.#offeredHash = report.peersHash;
    const merged = this.#view.merge(report, { pod: this.#self, atMs: this.#deps.clock.nowMs(), fetchUs: 0 });
    const self = this.#view.index.pods[this.#self];
    if (self !== undefined) await this.#addOrCopy(self, merged);
  }

  /** Asks one pod of the view and adds its report. Resolves to whether it answered, as `FanOut.run` wants to know. */
  async #ask(listedPod: Pod, deadlineMs: number): Promise<boolean | null> {
    const { clock, queryReport, onPeerCall } = this.#deps;
    const { past } = this.#view;
    const startMs = clock.monotonicMs();
    const pod = past === null ? listedPod : past.presentPod(listedPod);
    if (pod === null) {
      const why = 'it has gone since, and no pod has a copy of its memory';
      await this.#addOrCopy(listedPod, missingReport(this.#arrivalOf(listedPod), 'no-history', why));
      return null;
    }
    const result = await queryReport(pod, this.#query(deadlineMs));
    const arrival = this.#arrivalOf(listedPod, startMs);
    const hasReport = result.kind !== 'missing';
    const hasAnswered = hasReport || result.hasAnswered;
    if (hasAnswered !== null) onPeerCall(pod, arrival.fetchUs, hasReport);
    const merged = this.#merge(result, arrival);
    // The pod has answered that it stood still at the past moment (`missingInPast`), so that its report is missing. A copy knows no more.
    if (hasReport && merged.missing === 'timeout') this.#add(merged);
    else await this.#addOrCopy(listedPod, merged);
    return hasAnswered;
  }

  #query(deadlineMs: number): ReportQuery {
    const { past, windowMs } = this.#view;
    const peers = this.#tables.get(this.#offeredHash);
    return {
      windowMs: past === null ? windowMs : 0,
      past: past === null ? null : past.range(),
      known: peers === undefined ? null : { hash: this.#offeredHash, peers },
      limits: this.#limits,
      deadlineMs,
    };
  }

  /** The arrival of a pod's report now. `startMs`: when it was asked (monotonic); default: it was not. */
  #arrivalOf({ uid }: Pod, startMs = this.#deps.clock.monotonicMs()): Arrival {
    const { clock } = this.#deps;
    const fetchUs = Math.round((clock.monotonicMs() - startMs) * 1000);
    return { pod: this.#view.index.ofUid(uid), atMs: clock.nowMs(), fetchUs };
  }

  /** Turns the result of a query into a report of the mesh, a missing one if there is none or if it is not valid. */
  #merge(result: ReportResult, arrival: Arrival): MergedReport {
    if (result.kind === 'missing') return missingReport(arrival, result.reason, result.detail);
    try {
      if (result.kind === 'check') {
        return mergedReportOfCheck(result.check, arrival, this.#view.index, this.#settings.pingNumber);
      }
      return this.#view.merge({ ...result.report, peers: this.#sharePeers(result.report) }, arrival);
    } catch (error) {
      return missingReport(arrival, 'malformed', textOf(error));
    }
  }

  /**
   * Keeps the table of a report's peers, and returns the one that all reports with this hash share. A table whose hash is wrong is
   * used for its sender's report only.
   */
  #sharePeers({ peersHash, peers: sent }: PodReport): PeerRef[] {
    const peers = sent ?? [];
    const kept = this.#tables.get(peersHash);
    if (kept === undefined) {
      if (peersHashOf(peers) !== peersHash || this.#tables.size >= MAX_TABLES) return peers;
      this.#tables.set(peersHash, peers);
    } else if (!hasSameUids(kept, peers)) {
      // A hostile pod can make another table with the same hash.
      return peers;
    }
    this.#offeredHash = peersHash;
    return kept ?? peers;
  }

  /** Adds a report of a pod. A missing one of the past is replaced by that of a copy, if there is one. */
  async #addOrCopy(pod: Pod, report: MergedReport): Promise<void> {
    const { past } = this.#view;
    const copied = past !== null && isReportMissing(report) ? await this.#copiedReport(past, pod) : null;
    this.#add(copied ?? report);
  }

  /** The report of a pod from our own copy, or else from that of a keeper that answers; null if there is none. */
  async #copiedReport(past: PastView, pod: Pod): Promise<MergedReport | null> {
    const { otherKeepers, queryReport, copies, fanOut } = this.#deps;
    // It rejects only if this pod is shutting down. `FanOut.run` needs calls that do not reject.
    const own = await copies.reportOf(pod.uid, past.range()).catch(() => null);
    let report = own === null ? null : this.#view.merge(own, this.#arrivalOf(pod));
    for (const keeper of otherKeepers(pod.uid)) {
      if (report?.missing === '') break;
      // It may be asked for the copies of hundreds of pods.
      if (fanOut.isSilent(keeper.uid)) continue;
      // The pod itself may have used up the time of its call, but not that of all calls.
      const result = await queryReport(keeper, { ...this.#query(this.#endMs), of: pod.uid });
      if (result.kind === 'report') report = this.#merge(result, this.#arrivalOf(pod));
    }
    return report?.missing === '' ? report : null;
  }

  #add(report: MergedReport): void {
    this.#last?.reports.delete(report.pod);
    this.#reports.set(report.pod, report);
    this.arrivedMs.set(report.pod, this.#deps.clock.monotonicMs());
    this.#counts.add(report);
  }
}

/** Whether two lists name the same pods in the same order. */
function hasSameUids(a: readonly { uid: string }[], b: readonly { uid: string }[]): boolean {
  return a === b || (a.length === b.length && a.every(({ uid }, i) => uid === b[i]?.uid));
}

/** How many meshes may be in memory at once: those that are being collected, and finished ones that are kept. */
interface MeshLimits {
  now: { running: number; kept: number };
  past: { running: number; kept: number };
}

/** The most links of a small mesh: 300 pods that all ping each other. */
const SMALL_MESH_LINKS = 90_000;
const SMALL_MESH: MeshLimits = { now: { running: 4, kept: 4 }, past: { running: 4, kept: 3 } };
const LARGE_MESH: MeshLimits = { now: { running: 2, kept: 1 }, past: { running: 1, kept: 1 } };

/**
 * The limits for a mesh of `podCount` pods that ping `pingNumber` others each, 0 = all. Any client may ask for any window and
 * any time range. The limits bound how much memory such GETs can make us use. A link takes 14 bytes, its statistics 22
 * (`LINK_BYTES`, `STAT_BYTES`; twice that where both IP families are pinged), and results of the UDP probe 21 more (`UDP_BYTES`):
 * 300 pods: 90 000 links, 3.2 MB per mesh, 15 of them 49 MB.
 * 1000 pods: 1 million links, 36 MB per mesh, 5 of them 180 MB; 15 would be 540 MB. With the UDP probe 5 are 285 MB.
 */
export function meshLimits(podCount: number, pingNumber: number): MeshLimits {
  const links = podCount * (pingNumber > 0 ? Math.min(pingNumber, podCount) : podCount);
  return links > SMALL_MESH_LINKS ? LARGE_MESH : SMALL_MESH;
}
