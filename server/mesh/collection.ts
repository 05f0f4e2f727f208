import { setMaxListeners } from 'node:events';
import type { DiscoverySnapshot } from '../contract/discovery.ts';
import { textOf } from '../contract/errors.ts';
import type { Mesh, MeshRow, MeshSettings } from '../contract/mesh.ts';
import type { Pod } from '../contract/pod.ts';
import type { Row } from '../contract/row.ts';
import type { Clock } from '../contract/seams.ts';
import { type Addressing, addressOf } from './address.ts';
import { meshRowOfCheck } from './check-row.ts';
import { fanOut } from './fan-out.ts';
import { FindingTally } from './findings/tally.ts';
import { HealthTally, toleranceOf } from './health.ts';
import { inSlices } from './in-slices.ts';
import { type Arrival, meshRowOf, missingRow } from './merge.ts';
import type { PeersTable, PeerTables } from './peer-tables.ts';
import { PodIndex } from './pod-index.ts';
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
  snapshot(): DiscoverySnapshot;
  /** Our own row with statistics over `windowMs`; it is never asked for over the network. */
  ownRow(windowMs: number): Promise<Row>;
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
interface CollectContext {
  windowMs: number;
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
  readonly #context: CollectContext;
  readonly #abort = new AbortController();
  readonly #startMs: number;
  readonly #snapshot: DiscoverySnapshot;
  readonly #meshSettings: MeshSettings;
  readonly #index: PodIndex;
  readonly #toleranceMs: number;
  readonly #rows = new Map<number, MeshRow>();
  readonly #tally: HealthTally;
  readonly #findings: FindingTally;
  readonly #self: number;
  #own: PeersTable | null = null;
  #selfName = '';

  constructor(settings: CollectSettings, deps: CollectDeps, hooks: CollectHooks, context: CollectContext) {
    this.#settings = settings;
    this.#deps = deps;
    this.#hooks = hooks;
    this.#context = context;
    // Every row asked for listens, and that is no leak.
    setMaxListeners(MAX_IN_FLIGHT, this.#abort.signal);
    this.#startMs = deps.clock.monotonicMs();
    this.#snapshot = deps.snapshot();
    this.#meshSettings = deps.settings();
    this.#toleranceMs = toleranceOf(this.#meshSettings);
    this.#index = new PodIndex(this.#snapshot.pods, deps.clock.nowMs(), this.#toleranceMs);
    this.#tally = new HealthTally(this.#snapshot.pods);
    this.#findings = new FindingTally(this.#snapshot.pods, this.#meshSettings.slowLinkMs);
    const selfUid = deps.selfUid();
    this.#self = selfUid === '' ? -1 : this.#index.ofUid(selfUid);
  }

  /** Asks every pod that can be asked and puts the answers together. Never rejects because of a peer. */
  async run(): Promise<Mesh> {
    const { tables } = this.#context;
    tables.begin(new Set(this.#snapshot.pods.map((pod) => pod.uid)));
    await this.#takeOwnRow();
    const limits = {
      concurrency: this.#settings.concurrency,
      parkAfterMs: PARK_AFTER_MS,
      maxInFlight: MAX_IN_FLIGHT,
    };
    await fanOut(this.#order(), limits, this.#deps.clock, (pod) => this.#ask(pod));
    const head = { discovery: this.#snapshot.status, servedBy: this.#self };
    const findings = await inSlices(this.#findings.findings(head), this.#deps.clock);
    return { ...this.#mesh(), findings };
  }

  /** What is there by now, without findings; rows that have not come yet are missing. */
  soFar(): Mesh {
    const mesh = this.#mesh();
    const arrived = new Set(mesh.rows.map(({ pod }) => pod));
    const arrival = { atMs: mesh.atMs, fetchUs: 0 };
    const awaited = mesh.pods.flatMap(({ lifecycle }, pod) => (lifecycle === 'gone' || arrived.has(pod) ? [] : [pod]));
    const waiting = awaited.map((pod) => missingRow({ ...arrival, pod }, 'timeout', 'its answer has not come yet'));
    return { ...mesh, rows: [...mesh.rows, ...waiting].sort((a, b) => a.pod - b.pod) };
  }

  /** Ends the collection soon; `run` resolves with what is there. */
  abort(): void {
    this.#abort.abort();
  }

  async #takeOwnRow(): Promise<void> {
    const row = await this.#deps.ownRow(this.#context.windowMs);
    this.#selfName = row.pod.name;
    this.#own = row.peers === null ? null : { hash: row.peersHash, peers: row.peers };
    if (this.#self === -1) return;
    const arrival = { pod: this.#self, atMs: this.#deps.clock.nowMs(), fetchUs: 0 };
    this.#put(meshRowOf(row, arrival, this.#index, this.#toleranceMs));
  }

  /** Whom to ask: everybody else that is not gone, from a random place on, those who failed last time at the end. */
  #order(): number[] {
    const { late } = this.#context;
    const { pods } = this.#snapshot;
    const first = Math.floor(this.#deps.random() * pods.length);
    const all = pods.map((_, i) => (i + first) % pods.length);
    const asked = all.filter((i) => i !== this.#self && pods[i]?.lifecycle !== 'gone');
    const isLate = (i: number) => late.has(pods[i]?.uid ?? '');
    const order = [...asked.filter((i) => !isLate(i)), ...asked.filter(isLate)];
    late.clear();
    return order;
  }

  async #ask(i: number): Promise<void> {
    const pod = this.#snapshot.pods[i] as Pod;
    const { clock } = this.#deps;
    const leftMs = this.#settings.checkAllTimeoutMs - (clock.monotonicMs() - this.#startMs);
    const host = addressOf(pod, this.#settings);
    const outOfTime = leftMs < 1 || this.#abort.signal.aborted;
    if (host === '' || outOfTime) {
      this.#put(this.#unasked(i, pod, host));
      return;
    }
    const askedMs = clock.monotonicMs();
    const answer = await this.#fetch(pod, host, Math.min(this.#settings.checkTimeoutMs, leftMs));
    const fetchUs = Math.round((clock.monotonicMs() - askedMs) * 1000);
    if (answer.kind === 'missing') this.#context.late.add(pod.uid);
    this.#hooks.onPeerCall(pod, 'check', fetchUs, answer.kind !== 'missing');
    this.#put(this.#rowOf(answer, pod, { pod: i, atMs: clock.nowMs(), fetchUs }));
  }

  #unasked(i: number, pod: Pod, host: string): MeshRow {
    const arrival = { pod: i, atMs: this.#deps.clock.nowMs(), fetchUs: 0 };
    if (host !== '') {
      return missingRow(
        arrival,
        'not-asked',
        `all rows together took more than ${this.#settings.checkAllTimeoutMs} ms`,
      );
    }
    const starting = pod.podIPs.length === 0;
    if (starting) return missingRow(arrival, 'not-asked', 'it has no address yet');
    return missingRow(arrival, 'no-address', `it has no address of the wanted kind (${pod.podIPs.join(', ')})`);
  }

  #fetch(pod: Pod, host: string, timeoutMs: number): Promise<RowAnswer> {
    const { tables, windowMs } = this.#context;
    const known = tables.offer(pod.uid, this.#own);
    const { port } = this.#settings;
    const { signal } = this.#abort;
    return this.#deps.fetchRow({ uid: pod.uid, host, port, windowMs, timeoutMs, known, signal });
  }

  #rowOf(answer: RowAnswer, pod: Pod, arrival: Arrival): MeshRow {
    if (answer.kind === 'missing') return missingRow(arrival, answer.reason, answer.detail);
    try {
      if (answer.kind === 'check') {
        return meshRowOfCheck(answer.check, arrival, { index: this.#index, pingNumber: this.#meshSettings.pingNumber });
      }
      const peers = this.#context.tables.keep(pod.uid, answer.row, this.#own);
      return meshRowOf({ ...answer.row, peers }, arrival, this.#index, this.#toleranceMs);
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
    const pods = [...this.#snapshot.pods];
    const head = {
      atMs: clock.nowMs(),
      collectMs: clock.monotonicMs() - this.#startMs,
      ageMs: 0,
      windowMs: this.#context.windowMs,
      past: null,
      servedBy: { pod: this.#self, name: pods[this.#self]?.name ?? this.#selfName },
      discovery: this.#snapshot.status,
      settings: this.#meshSettings,
    };
    const rows = [...this.#rows.values()].sort((a, b) => a.pod - b.pod);
    return { ...head, health: this.#tally.health(head), findings: [], pods, rows };
  }
}
