import type { Config } from './config/config.ts';
import { AnnotationStore } from './events/annotations.ts';
import { EventJournal } from './events/journal.ts';
import { PodLifetimes } from './events/pod-lifetimes.ts';
import type { PastContext, RouteContext } from './http/context.ts';
import type { Monitor } from './monitor.ts';
import { MeshAnnotations } from './peers/annotations.ts';
import type { Broadcast } from './peers/broadcast.ts';
import type { CollectDeps } from './peers/collector.ts';
import { MeshEvents } from './peers/events.ts';
import { MeshHistories } from './peers/history.ts';
import type { LinkQuery } from './peers/link-query.ts';
import { PastMeshes } from './peers/past-meshes.ts';
import type { Journal } from './protocol/event.ts';
import type { LinkHistory } from './protocol/history.ts';
import type { DiscoverySnapshot, Target } from './protocol/pod.ts';
import type { ProbeResult, Sample } from './protocol/sample.ts';
import type { LinkChange } from './results/judgement.ts';
import type { Clock, Log } from './runtime/clock.ts';

/** What the past is made of: parts of the service. */
interface HistoryServiceParts {
  clock: Clock;
  own: Monitor;
  podLifetimes: PodLifetimes;
  askAll: Broadcast;
  linkQuery: LinkQuery;
  collect: CollectDeps;
  snapshot(): DiscoverySnapshot;
}

/** The steps that a link's history has at most, and the shortest. */
const LINK_STEPS = 360;
const SHORTEST_STEP_MS = 1_000;

/** The half of the wiring that answers questions about the past; `service.ts` has the other. */
export class HistoryService {
  readonly #config: Config;
  readonly #parts: HistoryServiceParts;
  readonly #meshes: PastMeshes;
  readonly #history: MeshHistories;

  constructor(config: Config, parts: HistoryServiceParts) {
    const { clock, own, podLifetimes, askAll } = parts;
    this.#config = config;
    this.#parts = parts;
    const resolutionMs = (ageMs: number) => own.past.resolutionMs(ageMs);
    this.#meshes = new PastMeshes({
      ...parts.collect,
      jitterFactor: config.jitterFactor,
      snapshot: parts.snapshot,
      resolutionMs,
      podsAt: (atMs) => podLifetimes.podsAt(atMs),
      podOf: (uid) => podLifetimes.lastKnown(uid),
      ownReportOf: (range) => own.reportOf(range),
    });
    this.#history = new MeshHistories(config.historyWindowMs, {
      clock,
      broadcast: askAll,
      resolutionMs,
      ownHistory: (range, stepMs) => own.past.podHistory(range, stepMs),
      countAlive: (fromMs, stepMs, steps) => podLifetimes.countAlive(fromMs, stepMs, steps),
      departedSince: (fromMs) => podLifetimes.departedSince(fromMs),
    });
  }

  /** What the routes serve. */
  answers(): PastContext {
    const { own } = this.#parts;
    return {
      podReport: (range) => own.reportOf(range),
      podHistory: (range, stepMs) => own.past.podHistory(range, stepMs),
      ownLinkHistory: (to, range, stepMs) => ({
        ...{ from: own.selfUid, to, error: '' },
        ...own.past.linkHistory(to, range, stepMs),
      }),
      mesh: (span) => this.#meshes.of(span),
      meshAt: (atMs) => this.#meshes.at(atMs),
      history: (query) => this.#history.history(query),
      linkHistory: (from, to) => this.#linkHistory(from, to),
    };
  }

  /** Ends what is under way. */
  stop(): void {
    this.#meshes.stop();
    this.#history.stop();
  }

  async #linkHistory(from: string, to: string): Promise<LinkHistory | null> {
    const { own, linkQuery } = this.#parts;
    const range = { fromAgeMs: this.#config.historyWindowMs, toAgeMs: 0 };
    const finestMs = Math.max(SHORTEST_STEP_MS, own.past.resolutionMs(range.fromAgeMs));
    const stepMs = Math.ceil(Math.max(finestMs, range.fromAgeMs / LINK_STEPS) / 1_000) * 1_000;
    if (from === own.selfUid) return this.answers().ownLinkHistory(to, range, stepMs);
    const pod = own.snapshot.pods.find(({ uid }) => uid === from);
    return pod === undefined ? null : linkQuery.history(pod, to, range, stepMs);
  }
}

/** What the chronicle is kept and read with. */
interface EventServiceParts {
  clock: Clock;
  random(): number;
  log: Log;
  own: Monitor;
  askAll: Broadcast;
}

/** The part of the wiring that remembers what happened: pods, events, annotations, and those of all pods. */
export class EventService {
  /** Who was there when. */
  readonly podLifetimes: PodLifetimes;
  readonly #own: Monitor;
  readonly #journal: EventJournal;
  readonly #events: MeshEvents;
  readonly #ownAnnotations: AnnotationStore;
  readonly #annotations: MeshAnnotations;
  readonly #writeToken: string;

  constructor(config: Config, { clock, random, log, own, askAll }: EventServiceParts) {
    this.#own = own;
    this.#writeToken = config.writeToken;
    this.podLifetimes = new PodLifetimes(config, clock);
    this.#journal = new EventJournal(config, { clock, random });
    this.#events = new MeshEvents(config, {
      clock,
      broadcast: askAll,
      ownJournal: (sinceAgeMs, limit) => this.#read(sinceAgeMs, limit),
      podOf: (uid) => this.podLifetimes.lastKnown(uid),
      podCount: () => own.snapshot.pods.length,
    });
    this.#ownAnnotations = new AnnotationStore(clock);
    this.#annotations = new MeshAnnotations({
      clock,
      random,
      log,
      broadcast: askAll,
      own: this.#ownAnnotations,
      writeToken: config.writeToken,
    });
  }

  /** Takes the pods as discovery has them now; before the own view does. */
  takePods(snapshot: DiscoverySnapshot): void {
    this.#journal.onPods(this.podLifetimes.update(snapshot));
    this.#journal.onDiscovery(snapshot.status);
  }

  /** Takes whom we ping from now on. */
  takeTargets(targets: readonly Target[], { status, pods }: DiscoverySnapshot): void {
    this.#journal.onTargets(targets);
    if (status.phase === 'synced' && pods.length > 1) this.#annotations.catchUp();
  }

  /** Takes what came of a ping. */
  takeSample(target: Target, sample: Sample): void {
    this.#journal.onSample(target, sample);
    this.#journal.onStarvation(this.#own.starvation());
  }

  /** Takes a change of a link's state. */
  takeLink(change: LinkChange): void {
    this.#journal.onLinkChange(change);
  }

  /** Takes what came of an external probe. */
  takeProbe(result: ProbeResult): void {
    this.#journal.onProbe(result);
  }

  /** What the routes serve. */
  answers(): Pick<RouteContext, 'journal' | 'events' | 'writeToken' | 'annotations'> {
    return {
      journal: (sinceAgeMs, limit) => this.#read(sinceAgeMs, limit),
      events: (query) => this.#events.events(query),
      writeToken: this.#writeToken,
      annotations: {
        read: () => this.#annotations.read(),
        write: (request) => this.#annotations.write(request),
        remove: (id) => this.#annotations.remove(id),
        copies: () => this.#ownAnnotations.copies(),
        merge: (copies) => this.#ownAnnotations.merge(copies),
      },
    };
  }

  /** The journal, up to date: nothing calls us when we become starved, and samples may be a minute apart. */
  #read(sinceAgeMs: number, limit: number): Journal {
    this.#journal.onStarvation(this.#own.starvation());
    return this.#journal.read(sinceAgeMs, limit);
  }

  /** Ends what is under way. */
  stop(): void {
    this.#annotations.stop();
    this.#events.stop();
  }
}
