import type { Config } from './config/config.ts';
import type { DiscoverySnapshot } from './contract/discovery.ts';
import type { LinkHistory } from './contract/history.ts';
import type { MeshSettings } from './contract/mesh.ts';
import type { Clock } from './contract/seams.ts';
import type { PastAnswers } from './http/answers.ts';
import type { PodBook } from './journal/pod-book.ts';
import type { AskAll } from './mesh/ask-all.ts';
import type { CollectHooks, CollectSettings } from './mesh/collection.ts';
import { createHistoryReader } from './mesh/history.ts';
import type { LinkAsker } from './mesh/link-asker.ts';
import { createPastMeshes } from './mesh/past-meshes.ts';
import type { RowTransport } from './mesh/row-transport.ts';
import type { OwnView } from './own-view.ts';

/** What the past is made of: parts of the service. */
export interface PastParts {
  clock: Clock;
  random(): number;
  own: OwnView;
  podBook: PodBook;
  askAll: AskAll;
  linkAsker: LinkAsker;
  fetchRow: RowTransport;
  snapshot(): DiscoverySnapshot;
  settings(): MeshSettings;
}

/** The steps that a link's history has at most, and the shortest. */
const LINK_STEPS = 360;
const SHORTEST_STEP_MS = 1_000;

/** The half of the wiring that answers questions about the past; `service.ts` has the other. */
export class PastView {
  readonly #config: Config;
  readonly #parts: PastParts;
  readonly #meshes: ReturnType<typeof createPastMeshes>;
  readonly #history: ReturnType<typeof createHistoryReader>;

  constructor(config: Config, collect: CollectSettings, parts: PastParts, hooks: CollectHooks) {
    const { clock, own, podBook, askAll } = parts;
    this.#config = config;
    this.#parts = parts;
    const resolutionMs = (ageMs: number) => own.past.resolutionMs(ageMs);
    this.#meshes = createPastMeshes(
      { ...collect, jitterFactor: config.jitterFactor },
      {
        ...{ clock, random: parts.random, fetchRow: parts.fetchRow, snapshot: parts.snapshot },
        ...{ settings: parts.settings, resolutionMs, selfUid: () => own.selfUid },
        podsAt: (atMs) => podBook.podsAt(atMs),
        podOf: (uid) => podBook.podOf(uid),
        ownRowOf: (range) => own.rowOf(range),
      },
      hooks,
    );
    this.#history = createHistoryReader(config.historyWindowMs, {
      ...{ clock, askAll, resolutionMs },
      ownRowHistory: (range, stepMs) => own.past.rowHistory(range, stepMs),
      countAlive: (fromMs, stepMs, steps) => podBook.countAlive(fromMs, stepMs, steps),
      departedSince: (fromMs) => podBook.departedSince(fromMs),
    });
  }

  /** What the routes serve. */
  answers(): PastAnswers {
    const { own } = this.#parts;
    return {
      row: (range) => own.rowOf(range),
      rowHistory: (range, stepMs) => own.past.rowHistory(range, stepMs),
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
    const { own, linkAsker } = this.#parts;
    const range = { fromAgeMs: this.#config.historyWindowMs, toAgeMs: 0 };
    const finestMs = Math.max(SHORTEST_STEP_MS, own.past.resolutionMs(range.fromAgeMs));
    const stepMs = Math.ceil(Math.max(finestMs, range.fromAgeMs / LINK_STEPS) / 1_000) * 1_000;
    if (from === own.selfUid) return this.answers().ownLinkHistory(to, range, stepMs);
    const pod = own.snapshot.pods.find(({ uid }) => uid === from);
    return pod === undefined ? null : linkAsker.fetchLinkHistory(pod, to, range, stepMs);
  }
}
