import type { RouteContext } from '../../../server/http/context.ts';
import type { Annotation, Annotations } from '../../../server/protocol/annotation.ts';
import type { Events, MeshEvent } from '../../../server/protocol/event.ts';
import { LATENCY_BINS_US, type MeshHistory } from '../../../server/protocol/history.ts';
import { isLossy } from '../../../server/protocol/link-state.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { recentOf } from '../../../server/protocol/udp.ts';
import { binOf } from '../../../server/results/steps.ts';
import { eventPodOf } from '../mesh.ts';
import type { Scenario } from './plan.ts';
import { meshOf, podsOf } from './scenarios.ts';

/** One part of a made-up past. It lasts until the next one. */
interface Scene {
  fromMs: number;
  /** The situation; null = no pod has data any more. */
  scenario: Scenario | null;
  /** The event with which it began. */
  event: Pick<MeshEvent, 'kind'> & Partial<MeshEvent>;
  /** The text of an annotation at its beginning. */
  annotation?: string;
}

/** How the fault of the last scene begins. */
const BEGINNINGS: Partial<Record<Scenario, Pick<Scene, 'annotation' | 'event'>>> = {
  'slow-pod': { event: { kind: 'link-slow', totalUs: 252_000 }, annotation: 'latency 250 ms added' },
  lossy: { event: { kind: 'link-lossy', detail: '20 %' }, annotation: '20 % loss added' },
};
const LINKS_FAIL: Scene['event'] = { kind: 'link-failed', outcome: 'timeout', phase: 'connect' };

/** Links of more pods than these are counted by a mesh of these, because a thousand pods take seconds. */
const MOST_MADE = 200;

/** A made-up past in which experiment 2 has been run: history, events and annotations as the servers answer with them. */
export class Story {
  readonly #pods: number;
  readonly #scenes: Scene[];
  readonly #written: Annotation[] = [];
  readonly #added: MeshEvent[] = [];
  /** Meshes that have been made: making hundreds of pods takes seconds, for which a page test should not wait. */
  readonly #counted = new Map<Scene, ReturnType<typeof countsOf>>();
  readonly #meshes = new Map<string, Mesh>();

  /** `nowMs`: the end of the last scene, in which `goldpinger-chaos` has been slow, or in another situation, for 2.5 minutes. */
  constructor(nowMs: number, pods = 4, fault: Scenario = 'slow-pod') {
    const all = podsOf(pods).map(eventPodOf);
    const { event, annotation } = BEGINNINGS[fault] ?? { event: LINKS_FAIL };
    const chaos = all.at(-1) ?? null;
    const links = { pod: chaos, from: all.slice(0, 3), fromCount: pods - 1 };
    const ago = (minutes: number) => nowMs - minutes * 60_000;
    this.#pods = pods;
    this.#scenes = [
      { fromMs: 0, scenario: null, event: { kind: 'pod-seen' } },
      { fromMs: ago(17), scenario: 'healthy', event: { kind: 'pod-seen', pod: all[0] ?? null } },
      { fromMs: ago(14.6), scenario: 'healthy', event: { kind: 'pod-seen', pod: chaos } },
      {
        fromMs: ago(14),
        scenario: 'dead-pod',
        event: { kind: 'link-failed', outcome: 'refused', phase: 'connect', ...links },
      },
      {
        fromMs: ago(9),
        scenario: 'healthy',
        event: { kind: 'link-recovered', ...links },
        annotation: 'proxy created',
      },
      {
        fromMs: ago(2.5),
        scenario: fault,
        event: { ...event, ...links },
        ...(annotation !== undefined && { annotation }),
      },
    ];
  }

  /** The mesh of a time range. */
  mesh(fromMs: number, toMs: number): Mesh {
    const scenario = this.#at(toMs - 1).scenario ?? 'missing-reports';
    const windowMs = toMs - fromMs;
    const made =
      this.#meshes.get(`${scenario} ${windowMs}`) ?? meshOf({ pods: this.#pods, scenario, atMs: toMs, windowMs });
    this.#meshes.set(`${scenario} ${windowMs}`, made);
    return { ...made, atMs: toMs, ageMs: 0, past: { fromMs, toMs, resolutionMs: 5000 } };
  }

  /** `/api/v1/history`. */
  history(fromMs: number, toMs: number, stepMs: number, nowMs: number): MeshHistory {
    const history: MeshHistory = {
      fromMs,
      toMs,
      stepMs,
      nowMs,
      resolutionMs: 5000,
      missing: [],
      reports: [],
      pods: [],
      links: [],
      failed: [],
      byLatency: [],
      lossyByLatency: [],
    };
    for (let at = fromMs; at < toMs; at += stepMs) {
      const scene = this.#at(at);
      const counts = this.#counted.get(scene) ?? countsOf(scene, this.#pods);
      this.#counted.set(scene, counts);
      history.reports.push(scene.scenario === null ? 0 : this.#pods - (scene.scenario === 'dead-pod' ? 1 : 0));
      history.pods.push(this.#pods);
      history.links.push(counts.links);
      history.failed.push(counts.failed);
      history.byLatency.push(counts.byLatency);
      history.lossyByLatency?.push(counts.lossyByLatency);
    }
    return history;
  }

  /** `/api/v1/events`. */
  events(fromMs: number, toMs: number, nowMs: number): Events {
    const blank = { pod: null, from: [], fromCount: 0, outcome: null, phase: null, totalUs: -1, detail: '' };
    const events = this.#scenes
      .filter((scene) => scene.fromMs >= fromMs && scene.fromMs <= toMs)
      .map((scene, i) => ({ ...blank, id: `${scene.event.kind}-${i}`, atMs: scene.fromMs, ...scene.event }));
    const added = this.#added.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
    return { fromMs, toMs, nowMs, truncated: false, missing: [], events: [...events, ...added] };
  }

  /** `/api/v1/annotations`. */
  annotations(nowMs: number): Annotations {
    const annotations = this.#scenes.flatMap(({ fromMs, annotation: text }, i) =>
      text === undefined ? [] : [{ id: `scene-${i}`, fromMs, toMs: null, text, tags: [], writtenMs: fromMs }],
    );
    return { nowMs, missing: [], annotations: [...annotations, ...this.#written] };
  }

  /** The parts of a service that answer with it. */
  parts(nowMs: () => number) {
    return {
      pastMeshes: {
        of: async ({ fromMs, toMs }) => this.mesh(fromMs, toMs),
        at: async (atMs) => this.mesh(atMs - 5000, atMs),
      },
      histories: {
        history: async ({ fromMs, toMs, stepMs }) =>
          this.history(fromMs, toMs, stepMs || 2_000 * Math.ceil((toMs - fromMs) / 600_000), nowMs()),
      },
      events: { events: async ({ fromMs, toMs }) => this.events(fromMs, toMs, nowMs()) },
      annotations: {
        read: async () => this.annotations(nowMs()),
        write: async ({ fromMs, toMs, text, tags }) => {
          const writtenMs = nowMs();
          const annotation = { id: `w-${writtenMs}`, fromMs: fromMs ?? writtenMs, toMs, text, tags, writtenMs };
          this.#written.push(annotation);
          return { annotation, nowMs: writtenMs, taken: 4, missing: [] };
        },
        remove: async () => null,
      },
    } satisfies Partial<RouteContext>;
  }

  /** Adds an event to the journal. */
  add(event: MeshEvent): void {
    this.#added.push(event);
  }

  #at(atMs: number): Scene {
    const scene = this.#scenes.findLast(({ fromMs }) => fromMs <= atMs);
    if (scene === undefined) throw new RangeError(`no scene at ${atMs}`);
    return scene;
  }
}

type Counts = { links: number; failed: number; byLatency: number[]; lossyByLatency: number[] };

function countsOf({ scenario }: Scene, pods: number): Counts {
  const blank = () => Array.from({ length: LATENCY_BINS_US.length + 1 }, () => 0);
  const [byLatency, lossyByLatency] = [blank(), blank()];
  let [links, failed] = [0, 0];
  const made = Math.min(pods, MOST_MADE);
  const reports = scenario === null ? [] : meshOf({ pods: made, scenario }).reports;
  const each = Math.round((pods / made) ** 2);
  for (const { links: report, udp } of reports) {
    for (let i = 0; i < report.length; i++) {
      links += each;
      if (report.outcome[i] !== 0) {
        failed += each;
        continue;
      }
      const bin = binOf(report.totalUs[i] ?? 0);
      byLatency[bin]! += each;
      if (udp !== null && isLossy(recentOf(udp, i))) lossyByLatency[bin]! += each;
    }
  }
  return { links, failed, byLatency, lossyByLatency };
}
