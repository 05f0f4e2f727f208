import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventKind } from '../../server/protocol/event.ts';
import { INTERMITTENT } from '../../server/protocol/link-state.ts';
import { eventually } from '../support/eventually.ts';
import { NetworkCluster } from './cluster.ts';
import {
  clusterHealth,
  eventsSince,
  failedLinks,
  falseEvents,
  firstFindingAt,
  isNotStarved,
  type Look,
  looks,
  missingKinds,
} from './looks.ts';
import { INTERVAL_MS } from './pod.ts';
import { type Expected, SCENARIOS, type Scenario } from './scenarios.ts';

/** A wait between two pings is up to 5 % longer than the interval (JITTER_FACTOR). */
const LONGEST_INTERVAL_MS = INTERVAL_MS * 1.05;
/** How long a look takes if a pod does not answer (CHECK_TIMEOUT). */
const MAX_LOOK_MS = 1_000;
const OUTPUT = 'test-results/network';

/** One line of the table that is printed at the end. */
interface Row {
  scenario: string;
  toldAfterS: string;
  firstFinding: string;
  recoveredAfterS: string;
  errors: number;
}

let cluster: NetworkCluster;
const rows: Row[] = [];

beforeAll(async () => {
  mkdirSync(OUTPUT, { recursive: true });
  cluster = await NetworkCluster.start();
  await calm(['a1']);
});

afterAll(async () => {
  await cluster?.stop();
  console.table(rows);
});

/** A busy machine may starve pods for ever, so calm waits for their recovery only this long. */
const STARVED_MS = 20_000;

/** Waits until nothing stands out. Rejects with what still does after a minute. */
async function calm(asked: readonly string[]): Promise<void> {
  const pods = asked.map((name) => cluster.pod(name));
  const startMs = performance.now();
  let standsOut = '';
  for await (const looked of looks(pods, { affects: () => true, culprits: [] }, 60_000)) {
    const isStarved = looked.some(({ mesh, findings }) => mesh.findings.length > findings.length);
    if (looked.every(isCalm) && (!isStarved || performance.now() - startMs > STARVED_MS)) return;
    standsOut = looked
      .flatMap(({ mesh }) => [...mesh.findings.map(({ title }) => title), ...mesh.health.general])
      .join('; ');
  }
  throw new Error(`the cluster does not become calm: ${standsOut}`);
}

/** When a try that failed has left no traces any more, by `performance.now`: see INTERMITTENT. */
let cleanMs = 0;

const isCalm = ({ mesh, findings }: Look) => mesh.health.ok && findings.length === 0;

/** Runs one scenario, and collects what the pods say while it lasts. */
class Run {
  /** What was not true. */
  readonly errors = new Set<string>();
  readonly row: Row;
  readonly #scenario: Scenario;
  /** The last looks, for the file that a failure leaves. */
  #history: Look[] = [];
  /** The most pods that were starved of CPU at once. */
  #starved = 0;
  /** The last looks while the fault was told. */
  #told: Look[] = [];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.row = { scenario: scenario.name, toldAfterS: '', firstFinding: '', recoveredAfterS: '', errors: 0 };
  }

  /** Looks until all pods that are asked have told the fault, then for `staysFor`: the finding must stay. */
  async told(): Promise<void> {
    const { toldWithin = 3, staysFor = 4, isOver } = this.#scenario;
    const startMs = performance.now();
    let toldMs = -1;
    for await (const looked of this.#looks(toldWithin + staysFor)) {
      const nowMs = performance.now() - startMs;
      const isTold = looked.every((look) => isOver?.(look) ?? this.#isTold(look));
      if (isTold) for (const { laterErrors } of looked) this.#note(laterErrors);
      if (isTold && toldMs < 0) toldMs = nowMs;
      if (!isTold && toldMs >= 0) this.errors.add(`told, and then: ${titlesOf(looked)}`);
      if (isTold) this.#told = looked;
      if (toldMs >= 0 && nowMs > toldMs + staysFor * LONGEST_INTERVAL_MS) break;
    }
    this.row.toldAfterS = seconds(toldMs);
    // A look that began in time may end later, by the time that it takes.
    const isInTime = toldMs >= 0 && toldMs <= toldWithin * LONGEST_INTERVAL_MS + MAX_LOOK_MS;
    if (!isInTime) this.errors.add(`told after ${seconds(toldMs)} s, not within ${toldWithin} intervals`);
  }

  /** Looks until nothing stands out. */
  async recovered(): Promise<void> {
    const { recoveredWithin = 3 } = this.#scenario;
    const startMs = performance.now();
    let recoveredMs = -1;
    for await (const looked of this.#looks(recoveredWithin)) {
      if (!looked.every(isCalm)) continue;
      recoveredMs = performance.now() - startMs;
      break;
    }
    this.row.recoveredAfterS = seconds(recoveredMs);
    if (recoveredMs < 0) this.errors.add(`something still stands out ${recoveredWithin} intervals after the end`);
  }

  /** Checks that the mesh of a past moment tells what was told then. */
  async past(): Promise<void> {
    for (const { asked, mesh } of this.#told) {
      const [first] = mesh.findings.filter(isNotStarved);
      const then = `${first?.kind} ${first?.subject}`;
      const now = await firstFindingAt(cluster.pod(asked), mesh.atMs);
      if (now !== then) this.errors.add(`${asked} told ${then}, and of the same moment it tells later: ${now}`);
    }
  }

  /** Checks what the cluster measures. */
  async measurements(plantedMs: number): Promise<void> {
    this.#note((await this.#scenario.wronglyMeasured?.(cluster, plantedMs)) ?? []);
  }

  /** Checks `/cluster_health`: its status and the nodes that it blames. */
  async health(isHealthy: Scenario['isHealthy']): Promise<void> {
    const blamed = new Set(this.#scenario.culprits.map((name) => cluster.pod(name).node.hostIP));
    for (const pod of this.#asked()) {
      const { status, unhealthy } = await clusterHealth(pod);
      const isExpected = isHealthy === 'at times' || status === (isHealthy ? 200 : 418);
      if (!isExpected) this.errors.add(`${pod.name}: /cluster_health answers ${status}`);
      for (const node of unhealthy.filter((one) => !blamed.has(one))) this.errors.add(`/cluster_health blames ${node}`);
    }
  }

  /** Waits until the events are told, and checks that they are about affected links only. */
  async events(plantedMs: number, kinds: readonly EventKind[], within = 3): Promise<void> {
    const [pod] = this.#asked();
    if (pod === undefined) return;
    const told = eventually(async () => {
      // The Kubernetes API has times in whole seconds.
      const events = await eventsSince(pod, plantedMs - 1_000);
      const during = events.filter(({ atMs }) => atMs >= plantedMs);
      const { affects, noted = () => false } = this.#scenario;
      const truth = { ...this.#scenario, affects: (from: string, to: string) => affects(from, to) || noted(from, to) };
      this.#note(falseEvents(during, truth));
      expect(missingKinds(events, kinds)).toEqual([]);
    }, within * LONGEST_INTERVAL_MS);
    await told.catch((error: Error) => this.errors.add(`events: ${error.message}`));
  }

  /** Writes what a failed run saw. */
  write(): void {
    const { size } = this.errors;
    if (size > 0 && this.#starved > 3) this.errors.add(`(a busy machine: ${this.#starved} pods were starved of CPU)`);
    this.row.errors = this.errors.size;
    rows.push(this.row);
    const file = join(OUTPUT, `${this.#scenario.name.replaceAll(/\W+/g, '-')}.json`);
    rmSync(file, { force: true });
    if (this.errors.size === 0) return;
    const history = this.#history.map(({ asked, mesh, errors }) => {
      const { atMs, collectMs, health, findings, discovery } = mesh;
      return { asked, atMs, collectMs, errors, findings, failed: failedLinks(mesh), health, discovery };
    });
    writeFileSync(file, JSON.stringify({ errors: [...this.errors], pods: this.#history.at(-1)?.mesh.pods, history }));
  }

  async *#looks(intervals: number): AsyncGenerator<Look[]> {
    for await (const looked of looks(this.#asked(), this.#scenario, intervals * LONGEST_INTERVAL_MS)) {
      this.#history.push(...looked);
      for (const { mesh } of looked) {
        const starved = mesh.reports.filter(({ starvation }) => starvation?.unreliable === true).length;
        this.#starved = Math.max(this.#starved, starved);
      }
      for (const { errors, findings } of looked) {
        this.#note(errors);
        this.row.firstFinding ||= findings[0]?.title ?? '';
      }
      yield looked;
    }
  }

  #note(errors: readonly string[]): void {
    for (const error of errors) this.errors.add(error);
  }

  #asked() {
    return this.#scenario.asked.map((name) => cluster.pod(name));
  }

  #isTold(look: Look): boolean {
    const { first } = this.#scenario;
    if (first === 'nothing') return false;
    return isExpected(look, typeof first === 'function' ? first(look.asked) : first);
  }
}

function isExpected({ findings, mesh }: Look, { kind, subject, about, says = '' }: Expected): boolean {
  const { pods } = mesh;
  // A busy machine starves pods. That is a finding only where it is planted.
  const [first] = kind === 'cpu-starved' ? mesh.findings : findings;
  if (first === undefined || (kind !== undefined && first.kind !== kind)) return false;
  if (subject !== undefined && first.subject !== subject) return false;
  if (!first.title.includes(says)) return false;
  return about === undefined || first.pods.some((pod) => pods[pod]?.name === about);
}

const seconds = (ms: number) => (ms < 0 ? 'never' : (ms / 1000).toFixed(1));
const titlesOf = (looked: Look[]) => looked.map(({ findings }) => findings[0]?.title ?? 'nothing').join(' | ');

describe('real packet faults', () => {
  for (const scenario of SCENARIOS) {
    const { name, isHealthy = false, plant, remove } = scenario;
    // Other work on the machine can delay a ping or a look by an interval.
    it(name, { timeout: 180_000, retry: 1 }, async () => {
      const run = new Run(scenario);
      await pause(Math.max(0, cleanMs - performance.now()));
      await calm(scenario.asked);
      const plantedMs = Date.now();
      try {
        await Promise.all([plant(cluster), run.told()]);
        await run.measurements(plantedMs);
        await run.health(isHealthy);
        await run.events(plantedMs, scenario.events ?? ['link-failed']);
      } finally {
        await (remove?.(cluster) ?? cluster.unfilter());
      }
      await run.recovered();
      await run.health(true);
      if (scenario.isPastAsked ?? true) await run.past();
      await run.events(plantedMs, scenario.eventsAfter ?? ['link-recovered'], scenario.recoveredWithin);
      run.write();
      if (run.errors.size > 0) cleanMs = performance.now() + INTERMITTENT.samples * LONGEST_INTERVAL_MS;
      expect([...run.errors]).toEqual([]);
    });
  }
});
