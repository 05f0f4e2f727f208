import { setMaxListeners } from 'node:events';
import { textOf } from '../contract/errors.ts';
import type { Mesh, MeshRow, MeshSettings } from '../contract/mesh.ts';
import type { Pod } from '../contract/pod.ts';
import type { Clock } from '../contract/seams.ts';
import { type Addressing, addressOf, whyNoAddress } from './address.ts';
import { meshRowOfCheck } from './check-row.ts';
import type { CollectView } from './collect-view.ts';
import { fanOut } from './fan-out.ts';
import { FindingTally } from './findings/tally.ts';
import { HealthTally } from './health.ts';
import { inSlices } from './in-slices.ts';
import { type Arrival, missingRow } from './merge.ts';
import type { PeersTable, PeerTables } from './peer-tables.ts';
import type { RowAnswer, RowTransport } from './row-transport.ts';

/** How rows are collected. */
export interface CollectSettings extends Addressing {
  /** For one row (CHECK_TIMEOUT). */
  checkTimeoutMs: number;
  /** For all rows (CHECK_ALL_TIMEOUT). */
  checkAllTimeoutMs: number;
  /** Rows asked for at once; 4 is the measured best: more only makes our own pings late. */
  concurrency: number;
  /** The port that peers are called on (CLIENT_PORT_OVERRIDE). */
  port: number;
}

/** What a collection needs of the other parts. */
export interface CollectDeps {
  clock: Clock;
  /** 0 <= number < 1; where in the list asking begins. */
  random(): number;
  fetchRow: RowTransport;
  /** Our own pod's uid; '' if unknown. */
  selfUid(): string;
  settings(): MeshSettings;
}

/** Called for every row asked of a peer. */
export interface CollectHooks {
  onPeerCall(pod: Pod, call: 'check', durationUs: number, ok: boolean): void;
}

/** What a collection shares with those before and after it. */
export interface CollectContext {
  tables: PeerTables;
  /** uids of pods that did not answer last time; kept up to date. */
  late: Set<string>;
}

/** A row that takes longer waits in the background while others are asked for. */
const PARK_AFTER_MS = 50;
/** The most rows asked for at once, waiting ones included. */
const MAX_IN_FLIGHT = 64;

/** One collection of the matrix, from one list of pods. */
export class Collection {
  readonly #settings: CollectSettings;
  readonly #deps: CollectDeps;
  readonly #hooks: CollectHooks;
  readonly #view: CollectView;
  readonly #context: CollectContext;
  readonly #abort = new AbortController();
  readonly #startMs: number;
  readonly #meshSettings: MeshSettings;
  readonly #rows = new Map<number, MeshRow>();
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
    // Every row asked for listens, and that is no leak.
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
    await this.#takeOwnRow();
    const limits = {
      concurrency: this.#settings.concurrency,
      parkAfterMs: PARK_AFTER_MS,
      maxInFlight: MAX_IN_FLIGHT,
    };
    await fanOut(this.#order(), limits, this.#deps.clock, (pod) => this.#ask(pod));
    const head = { discovery: this.#view.snapshot.status, servedBy: this.#self };
    const findings = await inSlices(this.#findings.findings(head), this.#deps.clock);
    return { ...this.#mesh(), findings };
  }

  /** What is there by now, without findings and without rows that have not come yet; see `withAwaited`. */
  soFar(): Mesh {
    return this.#mesh();
  }

  /** Ends the collection soon; `run` resolves with what is there. */
  abort(): void {
    this.#abort.abort();
  }

  async #takeOwnRow(): Promise<void> {
    const row = await this.#view.ownRow();
    this.#selfName = row.pod.name;
    this.#own = row.peers === null ? null : { hash: row.peersHash, peers: row.peers };
    if (this.#self === -1) return;
    const arrival = { pod: this.#self, atMs: this.#deps.clock.nowMs(), fetchUs: 0 };
    this.#put(this.#view.place(row, arrival));
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
    this.#put(this.#rowOf(answer, pod, arrived));
  }

  #unasked(arrival: Arrival, pod: Pod, host: string): MeshRow {
    const { checkAllTimeoutMs } = this.#settings;
    if (host !== '') {
      return missingRow(arrival, 'not-asked', `all rows together took more than ${checkAllTimeoutMs} ms`);
    }
    const { reason, detail } = whyNoAddress(pod);
    return missingRow(arrival, reason, detail);
  }

  #fetch(pod: Pod, host: string, timeoutMs: number): Promise<RowAnswer> {
    const known = this.#context.tables.offer(pod.uid, this.#own);
    const { port } = this.#settings;
    const past = this.#view.range();
    const windowMs = past === null ? this.#view.windowMs : 0;
    return this.#deps.fetchRow({
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

  #rowOf(answer: RowAnswer, pod: Pod, arrival: Arrival): MeshRow {
    if (answer.kind === 'missing') return missingRow(arrival, answer.reason, answer.detail);
    try {
      if (answer.kind === 'check') {
        const { index } = this.#view;
        return meshRowOfCheck(answer.check, arrival, { index, pingNumber: this.#meshSettings.pingNumber });
      }
      const peers = this.#context.tables.keep(pod.uid, answer.row, this.#own);
      return this.#view.place({ ...answer.row, peers }, arrival);
    } catch (error) {
      return missingRow(arrival, 'malformed', textOf(error));
    }
  }

  #put(row: MeshRow): void {
    this.#rows.set(row.pod, row);
    this.#tally.add(row);
    this.#findings.add(row);
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
    const rows = [...this.#rows.values()].sort((a, b) => a.pod - b.pod);
    return { ...head, health, findings: [], pods, rows };
  }
}
