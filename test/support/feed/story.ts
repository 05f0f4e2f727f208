import type { Annotation, Annotations } from '../../../server/protocol/annotation.ts';
import type { Events, MeshEvent } from '../../../server/protocol/event.ts';
import { LATENCY_BINS_US, type MeshHistory } from '../../../server/protocol/history.ts';
import { isLossy } from '../../../server/protocol/link-state.ts';
import { unpack16 } from '../../../server/protocol/links.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { recentOf } from '../../../server/protocol/udp.ts';
import { eventPodOf } from '../mesh.ts';
import { latencyBin } from './mesh-past.ts';
import type { Scenario } from './plan.ts';
import { meshOf } from './scenarios.ts';

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

/** The fault of the last scene, of `goldpinger-chaos`. */
type Fault = 'slow-pod' | 'lossy';

/** How each fault begins. */
const BEGINNINGS: Record<Fault, Pick<Scene, 'annotation'> & { event: Scene['event'] }> = {
  'slow-pod': { event: { kind: 'link-slow', totalUs: 252_000 }, annotation: 'latency 250 ms added' },
  lossy: { event: { kind: 'link-lossy', detail: '20 %' }, annotation: '20 % loss added' },
};

/** A made-up past in which experiment 2 has been run: history, events and annotations as the servers answer with them. */
export class Story {
  readonly #pods: number;
  readonly #scenes: Scene[];
  readonly #written: Annotation[] = [];
  readonly #added: MeshEvent[] = [];
  /** Meshes that have been made: making hundreds of pods takes seconds, for which a page test should not wait. */
  readonly #counted = new Map<Scene, ReturnType<typeof countsOf>>();
  readonly #meshes = new Map<string, Mesh>();

  /** `nowMs`: the end of the last scene, in which `goldpinger-chaos` has been slow, or lossy, for 2.5 minutes. */
  constructor(nowMs: number, pods = 4, fault: Fault = 'slow-pod') {
    const all = meshOf({ pods, scenario: 'healthy' }).pods.map(eventPodOf);
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
        ...BEGINNINGS[fault],
        event: { ...BEGINNINGS[fault].event, ...links },
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

  /** Adds an event to the journal. */
  add(event: MeshEvent): void {
    this.#added.push(event);
  }

  /** Adds an annotation. */
  write(annotation: Annotation): void {
    this.#written.push(annotation);
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
  const reports = scenario === null ? [] : meshOf({ pods, scenario }).reports;
  for (const { links: report, udp } of reports) {
    for (let i = 0; i < report.length; i++) {
      links++;
      if (report.outcome[i] !== 0) {
        failed++;
        continue;
      }
      const bin = latencyBin(unpack16(report.totalUs[i] ?? 0));
      byLatency[bin]!++;
      if (udp !== null && isLossy(recentOf(udp, i))) lossyByLatency[bin]!++;
    }
  }
  return { links, failed, byLatency, lossyByLatency };
}
