import type { Annotation, Annotations } from '../../../server/protocol/annotation.ts';
import type { Events, MeshEvent } from '../../../server/protocol/event.ts';
import { LATENCY_BINS_US, type MeshHistory } from '../../../server/protocol/history.ts';
import { unpack16 } from '../../../server/protocol/links.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import type { Scenario } from './options.ts';
import { meshOf } from './scenarios.ts';

/** A stretch of a made-up past. */
interface Scene {
  /** When it began, ms since the epoch; it lasts until the next. */
  fromMs: number;
  /** What it looked like; null = nobody knows any more. */
  scenario: Scenario | null;
  /** What happened at its beginning. */
  event: Pick<MeshEvent, 'kind'> & Partial<MeshEvent>;
  /** What somebody noted there; ''. */
  note: string;
}

/** What the servers would tell of the past: experiment 2 as the mockup has it, up to `nowMs` and beyond. */
export class Story {
  readonly #pods: number;
  readonly #scenes: Scene[];
  readonly #written: Annotation[] = [];
  /** What has been made once: hundreds of pods take seconds, which are not the page's. */
  readonly #counted = new Map<Scene, ReturnType<typeof countsOf>>();
  readonly #meshes = new Map<string, Mesh>();

  /** `nowMs`: the end of the last scene, in which `goldpinger-chaos` has been slow for 2.5 min. Ms since the epoch. */
  constructor(nowMs: number, pods = 4) {
    const minute = 60_000;
    const base = meshOf({ pods, scenario: 'healthy' }).pods;
    const chaos = base.at(-1);
    const pod =
      chaos === undefined ? null : { uid: chaos.uid, name: chaos.name, namespace: 'default', node: chaos.node };
    const from = base.slice(0, 3).map(({ uid, name, namespace, node }) => ({ uid, name, namespace, node }));
    const links = { pod, from, fromCount: pods - 1 };
    this.#pods = pods;
    this.#scenes = [
      { fromMs: 0, scenario: null, event: { kind: 'pod-seen' }, note: '' },
      { fromMs: nowMs - 17 * minute, scenario: 'healthy', event: { kind: 'pod-seen', pod: from[0] ?? null }, note: '' },
      { fromMs: nowMs - 14.6 * minute, scenario: 'healthy', event: { kind: 'pod-seen', pod }, note: '' },
      {
        fromMs: nowMs - 14 * minute,
        scenario: 'dead-pod',
        event: { kind: 'link-failed', outcome: 'refused', phase: 'connect', ...links },
        note: '',
      },
      {
        fromMs: nowMs - 9 * minute,
        scenario: 'healthy',
        event: { kind: 'link-recovered', ...links },
        note: 'proxy created',
      },
      {
        fromMs: nowMs - 2.5 * minute,
        scenario: 'slow-pod',
        event: { kind: 'link-slow', totalUs: 252_000, ...links },
        note: 'latency 250 ms added',
      },
    ];
  }

  /** The mesh as it was over a range, or at its end. */
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
      ...{ fromMs, toMs, stepMs, nowMs, resolutionMs: 5000, missing: [] },
      ...{ reports: [], pods: [], links: [], failed: [], byLatency: [] },
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
    }
    return history;
  }

  /** `/api/v1/events`. */
  events(fromMs: number, toMs: number, nowMs: number): Events {
    const blank = { pod: null, from: [], fromCount: 0, outcome: null, phase: null, totalUs: -1, detail: '' };
    const events = this.#scenes
      .filter((scene) => scene.fromMs >= fromMs && scene.fromMs <= toMs)
      .map((scene, i) => ({ ...blank, id: `${scene.event.kind}-${i}`, atMs: scene.fromMs, ...scene.event }));
    return { fromMs, toMs, nowMs, truncated: false, missing: [], events };
  }

  /** `/api/v1/annotations`. */
  annotations(nowMs: number): Annotations {
    const noted = this.#scenes
      .filter(({ note }) => note !== '')
      .map(({ fromMs, note }, i) => ({ id: `note-${i}`, fromMs, toMs: null, text: note, tags: [], writtenMs: fromMs }));
    return { nowMs, missing: [], annotations: [...noted, ...this.#written] };
  }

  /** Keeps what was posted. */
  write(annotation: Annotation): void {
    this.#written.push(annotation);
  }

  #at(atMs: number): Scene {
    const scene = this.#scenes.findLast(({ fromMs }) => fromMs <= atMs);
    if (scene === undefined) throw new RangeError(`no scene at ${atMs}`);
    return scene;
  }
}

function countsOf({ scenario }: Scene, pods: number): { links: number; failed: number; byLatency: number[] } {
  const byLatency: number[] = Array.from({ length: LATENCY_BINS_US.length + 1 }, () => 0);
  let [links, failed] = [0, 0];
  const reports = scenario === null ? [] : meshOf({ pods, scenario }).reports;
  for (const { links: report } of reports) {
    for (let i = 0; i < report.length; i++) {
      links++;
      const us = unpack16(report.totalUs[i] ?? 0);
      const bin = LATENCY_BINS_US.findIndex((bound) => us <= bound);
      if (report.outcome[i] !== 0) failed++;
      else byLatency[bin === -1 ? LATENCY_BINS_US.length : bin]!++;
    }
  }
  return { links, failed, byLatency };
}
