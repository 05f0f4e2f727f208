import { setMaxListeners } from 'node:events';
import { FindingTally } from '../analysis/findings/findings.ts';
import type { MergedReport, Mesh, MeshSettings } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { forEachConcurrent, runSliced } from '../runtime/concurrency.ts';
import { BusyError, textOf } from '../runtime/errors.ts';
import { type Addressing, addressOf, whyNoAddress } from './address.ts';
import { type CollectView, type NowDeps, viewOfNow } from './collect-view.ts';
import { mergedReportOfCheck } from './goldpinger-report.ts';
import { HealthTally } from './health.ts';
import { type Arrival, meshBounds, missingReport, type PeersTable, PeerTables } from './mesh.ts';
import type { ReportClient, ReportResponse } from './peer-client.ts';

/** What a caller wants: the window of the statistics (ms, 0 = none) and how old a picture will do (ms, at most 1000). */
interface CollectOptions {
  windowMs: number;
  maxAgeMs: number;
  /**
   * Answer within this time (ms), with the reports that have come by then; of a pod whose report has not, with that of the last
   * mesh of the same window if it is at most 2 s old. The collection goes on and those who ask next find it. Such a
   * mesh has no findings.
   */
  budgetMs?: number;
}

/** Collects the mesh on request; see `createCollector`. */
export interface Collector {
  /** The mesh. Rejects only after `stop`, or with a BusyError if too many different windows are asked for at once: see `meshBounds`. */
  collect(options: CollectOptions): Promise<Mesh>;
  /** Ends collections in flight; reports not yet there are missing in them. Nothing is kept afterwards. */
  stop(): void;
}

/** How long a finished mesh is kept for those who come right after it. */
const KEEP_MS = 1000;
/** And so many times longer than it took, for those who cannot wait that long for another. */
const KEEP_LONGER = 2;

/**
 * Makes a collector. However many callers ask at once, one collection answers them all; a finished one answers callers
 * whom its age suits. A caller who wants no statistics takes part in a collection with any window.
 */
export function createCollector(
  settings: CollectSettings,
  deps: CollectDeps & NowDeps,
  hooks: CollectHooks,
): Collector {
  const tables = new PeerTables();
  /** Pods that did not answer last time: asked last, so that they hold up nobody. */
  const late = new Set<string>();
  const running = new Map<number, { mesh: Promise<Mesh>; collection: Collection }>();
  const finished = new Map<number, { mesh: Mesh; endMs: number; expiry: Timer }>();
  let stopped = false;

  const suited = <T>(from: Map<number, T>, windowMs: number): T | undefined =>
    from.get(windowMs) ?? (windowMs === 0 ? from.values().next().value : undefined);

  const bounds = () => meshBounds(deps.snapshot().pods.length, deps.settings().pingNumber).now;

  const forget = (windowMs: number) => {
    finished.get(windowMs)?.expiry.cancel();
    finished.delete(windowMs);
  };

  const keep = (windowMs: number, mesh: Mesh) => {
    forget(windowMs);
    const keepMs = KEEP_MS + KEEP_LONGER * mesh.collectMs;
    const expiry = deps.clock.setTimer(() => finished.delete(windowMs), keepMs);
    finished.set(windowMs, { mesh, endMs: deps.clock.monotonicMs(), expiry });
    const { kept } = bounds();
    for (const oldest of finished.keys()) {
      if (finished.size <= kept) return;
      forget(oldest);
    }
  };

  const start = (windowMs: number): Promise<Mesh> => {
    const collection = new Collection(settings, deps, hooks, viewOfNow(windowMs, deps), { tables, late });
    const mesh = collection.run().finally(() => running.delete(windowMs));
    running.set(windowMs, { mesh, collection });
    return mesh.then((done) => {
      if (!stopped) keep(windowMs, done);
      return done;
    });
  };

  /** The whole mesh, or what there is of it once the time is up. */
  const within = (budgetMs: number, windowMs: number, whole: Promise<Mesh>): Promise<Mesh> =>
    new Promise((resolve, reject) => {
      // Taken now: by then it may have expired.
      const last = finished.get(windowMs);
      const timer = deps.clock.setTimer(() => {
        const soFar = suited(running, windowMs)?.collection.soFar();
        if (soFar === undefined) return;
        const lent = last && { mesh: last.mesh, agoMs: deps.clock.monotonicMs() - last.endMs };
        resolve(withAwaited(soFar, lent ?? null));
      }, budgetMs);
      whole.then(resolve, reject).finally(() => timer.cancel());
    });

  const collect = async ({ windowMs, maxAgeMs }: CollectOptions): Promise<Mesh> => {
    if (stopped) throw new Error('the collector has been stopped');
    const recent = suited(finished, windowMs);
    const ageMs = recent === undefined ? 0 : deps.clock.monotonicMs() - recent.endMs;
    if (recent !== undefined && ageMs <= maxAgeMs) return { ...recent.mesh, ageMs };
    const joined = suited(running, windowMs);
    if (joined !== undefined) return joined.mesh;
    const most = bounds().running;
    if (running.size >= most) throw new BusyError(`more than ${most} windows asked for at once, try again`);
    return start(windowMs);
  };

  return {
    collect: (options) => {
      const whole = collect(options);
      return options.budgetMs === undefined ? whole : within(options.budgetMs, options.windowMs, whole);
    },
    stop: () => {
      stopped = true;
      for (const { collection } of running.values()) collection.abort();
      for (const { expiry } of finished.values()) expiry.cancel();
      finished.clear();
    },
  };
}

/** How reports are collected. */
export interface CollectSettings extends Addressing {
  /** For one report (CHECK_TIMEOUT). */
  checkTimeoutMs: number;
  /** For all reports (CHECK_ALL_TIMEOUT). */
  checkAllTimeoutMs: number;
  /** Reports asked for at once; 4 is the measured best: more only makes our own pings late. */
  concurrency: number;
  /** The port that peers are called on (CLIENT_PORT_OVERRIDE). */
  port: number;
}

/** What a collection needs of the other parts. */
export interface CollectDeps {
  clock: Clock;
  /** 0 <= number < 1; where in the list asking begins. */
  random(): number;
  fetchReport: ReportClient;
  /** Our own pod's uid; '' if unknown. */
  selfUid(): string;
  settings(): MeshSettings;
}

/** Called for every report asked of a peer. */
export interface CollectHooks {
  onPeerCall(pod: Pod, call: 'check', durationUs: number, ok: boolean): void;
}

/** What a collection shares with those before and after it. */
interface CollectContext {
  tables: PeerTables;
  /** uids of pods that did not answer last time; kept up to date. */
  late: Set<string>;
}

/** A report that takes longer waits in the background while others are asked for. */
const SLOW_AFTER_MS = 50;
/** The most reports asked for at once, waiting ones included. */
const MAX_IN_FLIGHT = 64;

/** One collection of the mesh, from one list of pods. */
export class Collection {
  readonly #settings: CollectSettings;
  readonly #deps: CollectDeps;
  readonly #hooks: CollectHooks;
  readonly #view: CollectView;
  readonly #context: CollectContext;
  readonly #abort = new AbortController();
  readonly #startMs: number;
  readonly #meshSettings: MeshSettings;
  readonly #reports = new Map<number, MergedReport>();
  readonly #tally: HealthTally;
  readonly #findings: FindingTally;
  readonly #self: number;
  #own: PeersTable | null = null;
  #selfName = '';

  constructor(
    settings: CollectSettings,
    deps: CollectDeps,
    hooks: CollectHooks,
    view: CollectView,
    context: CollectContext,
  ) {
    this.#settings = settings;
    this.#view = view;
    this.#deps = deps;
    this.#hooks = hooks;
    this.#context = context;
    // Every report asked for listens, and that is no leak.
    setMaxListeners(MAX_IN_FLIGHT, this.#abort.signal);
    this.#startMs = deps.clock.monotonicMs();
    this.#meshSettings = deps.settings();
    this.#tally = new HealthTally(view.snapshot.pods);
    this.#findings = new FindingTally(view.snapshot.pods, this.#meshSettings.slowLinkMs);
    const selfUid = deps.selfUid();
    this.#self = selfUid === '' ? -1 : view.index.ofUid(selfUid);
  }

  /** Asks every pod that can be asked and puts the answers together. Never rejects because of a peer. */
  async run(): Promise<Mesh> {
    const { tables } = this.#context;
    tables.begin(new Set(this.#view.snapshot.pods.map((pod) => pod.uid)));
    await this.#takeOwnReport();
    const limits = {
      concurrency: this.#settings.concurrency,
      slowAfterMs: SLOW_AFTER_MS,
      maxInFlight: MAX_IN_FLIGHT,
    };
    await forEachConcurrent(this.#order(), limits, this.#deps.clock, (pod) => this.#ask(pod));
    const head = { discovery: this.#view.snapshot.status, servedBy: this.#self };
    const findings = await runSliced(this.#findings.findings(head), this.#deps.clock);
    return { ...this.#mesh(), findings };
  }

  /** What is there by now, without findings and without reports that have not come yet; see `withAwaited`. */
  soFar(): Mesh {
    return this.#mesh();
  }

  /** Ends the collection soon; `run` resolves with what is there. */
  abort(): void {
    this.#abort.abort();
  }

  async #takeOwnReport(): Promise<void> {
    const report = await this.#view.ownReport();
    this.#selfName = report.pod.name;
    this.#own = report.peers === null ? null : { hash: report.peersHash, peers: report.peers };
    if (this.#self === -1) return;
    const arrival = { pod: this.#self, atMs: this.#deps.clock.nowMs(), fetchUs: 0 };
    this.#put(this.#view.place(report, arrival));
  }

  /** Whom to ask: everybody else that is not gone, from a random place on, those who failed last time at the end. */
  #order(): number[] {
    const { late } = this.#context;
    const { pods } = this.#view.snapshot;
    const first = Math.floor(this.#deps.random() * pods.length);
    const all = pods.map((_, i) => (i + first) % pods.length);
    const asked = all.filter((i) => i !== this.#self && pods[i]?.lifecycle !== 'gone');
    const isLate = (i: number) => late.has(pods[i]?.uid ?? '');
    const order = [...asked.filter((i) => !isLate(i)), ...asked.filter(isLate)];
    late.clear();
    return order;
  }

  async #ask(i: number): Promise<void> {
    const { clock } = this.#deps;
    const leftMs = this.#settings.checkAllTimeoutMs - (clock.monotonicMs() - this.#startMs);
    const askedMs = clock.monotonicMs();
    const arrival = () => {
      return { pod: i, atMs: clock.nowMs(), fetchUs: Math.round((clock.monotonicMs() - askedMs) * 1000) };
    };
    const pod = this.#view.callee(this.#view.snapshot.pods[i] as Pod, arrival());
    if ('missing' in pod) {
      this.#put(pod);
      return;
    }
    const host = addressOf(pod, this.#settings);
    if (host === '' || leftMs < 1 || this.#abort.signal.aborted) {
      this.#put(this.#unasked(arrival(), pod, host));
      return;
    }
    const answer = await this.#fetch(pod, host, Math.min(this.#settings.checkTimeoutMs, leftMs));
    const arrived = arrival();
    if (answer.kind === 'missing') this.#context.late.add(pod.uid);
    this.#hooks.onPeerCall(pod, 'check', arrived.fetchUs, answer.kind !== 'missing');
    this.#put(this.#reportOf(answer, pod, arrived));
  }

  #unasked(arrival: Arrival, pod: Pod, host: string): MergedReport {
    const { checkAllTimeoutMs } = this.#settings;
    if (host !== '') {
      return missingReport(arrival, 'not-asked', `all reports together took more than ${checkAllTimeoutMs} ms`);
    }
    const { reason, detail } = whyNoAddress(pod);
    return missingReport(arrival, reason, detail);
  }

  #fetch(pod: Pod, host: string, timeoutMs: number): Promise<ReportResponse> {
    const known = this.#context.tables.offer(pod.uid, this.#own);
    const { port } = this.#settings;
    const past = this.#view.range();
    const windowMs = past === null ? this.#view.windowMs : 0;
    return this.#deps.fetchReport({
      uid: pod.uid,
      host,
      port,
      windowMs,
      past,
      timeoutMs,
      known,
      signal: this.#abort.signal,
    });
  }

  #reportOf(answer: ReportResponse, pod: Pod, arrival: Arrival): MergedReport {
    if (answer.kind === 'missing') return missingReport(arrival, answer.reason, answer.detail);
    try {
      if (answer.kind === 'check') {
        const { index } = this.#view;
        return mergedReportOfCheck(answer.check, arrival, { index, pingNumber: this.#meshSettings.pingNumber });
      }
      const peers = this.#context.tables.keep(pod.uid, answer.report, this.#own);
      return this.#view.place({ ...answer.report, peers }, arrival);
    } catch (error) {
      return missingReport(arrival, 'malformed', textOf(error));
    }
  }

  #put(report: MergedReport): void {
    this.#reports.set(report.pod, report);
    this.#tally.add(report);
    this.#findings.add(report);
  }

  #mesh(): Mesh {
    const { clock } = this.#deps;
    const { windowMs, snapshot } = this.#view;
    const pods = [...this.#view.index.pods];
    const { past, judgedAtMs } = this.#view.head();
    const head = {
      atMs: clock.nowMs(),
      collectMs: clock.monotonicMs() - this.#startMs,
      ageMs: 0,
      ...{ windowMs, past },
      servedBy: { pod: this.#self, name: pods[this.#self]?.name ?? this.#selfName },
      discovery: snapshot.status,
      settings: this.#meshSettings,
    };
    const health = this.#tally.health({ ...head, atMs: judgedAtMs });
    const reports = [...this.#reports.values()].sort((a, b) => a.pod - b.pod);
    return { ...head, health, findings: [], pods, reports };
  }
}

/** The last whole mesh over the same window, and how long ago it ended. */
interface LastMesh {
  mesh: Mesh;
  agoMs: number;
}

/** A report that came longer ago than this tells nothing of now: a fault may have begun since. */
const BORROWED_MS = 2_000;

/**
 * A collection that goes on, with a report for each pod whose answer has not come yet: that of the last mesh if it came at
 * most 2 s ago, else a missing one. What has come always stands, missing reports too: they are news.
 */
export function withAwaited(soFar: Mesh, last: LastMesh | null): Mesh {
  const arrived = new Set(soFar.reports.map(({ pod }) => pod));
  const lent = last === null || !hasSamePods(soFar, last.mesh) ? new Map<number, MergedReport>() : freshReports(last);
  const awaited = soFar.pods.flatMap(({ lifecycle }, pod) => (lifecycle === 'gone' || arrived.has(pod) ? [] : [pod]));
  const reports = awaited.map((pod) => {
    const arrival = { pod, atMs: soFar.atMs, fetchUs: 0 };
    return lent.get(pod) ?? missingReport(arrival, 'timeout', 'its answer has not come yet');
  });
  return { ...soFar, reports: [...soFar.reports, ...reports].sort((a, b) => a.pod - b.pod) };
}

/** Reports that are here and came a short while ago. Told by when the mesh ended: the time of day may be put right. */
function freshReports({ mesh, agoMs }: LastMesh): Map<number, MergedReport> {
  const fresh = mesh.reports.filter(({ missing, atMs }) => missing === '' && agoMs + mesh.atMs - atMs <= BORROWED_MS);
  return new Map(fresh.map((report) => [report.pod, report]));
}

/** Whether indexes of pods mean the same in both. */
function hasSamePods(a: Mesh, b: Mesh): boolean {
  return a.pods.length === b.pods.length && a.pods.every(({ uid }, i) => uid === b.pods[i]?.uid);
}
