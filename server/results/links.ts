import type { Target } from '../protocol/pod.ts';
import type { History, LinkRecord } from './history.ts';
import { LinkJudgement } from './judgement.ts';
import { LinkLoss } from './link-loss.ts';

export interface Link {
  /** Counts the targets of this process, in the order in which they were first probed: identifies the link in copies. */
  number: number;
  target: Target;
  record: LinkRecord;
  judgement: LinkJudgement;
  loss: LinkLoss;
  /** When it stopped being probed, monotonic; -1 while it is probed. */
  retiredAtMs: number;
}

function nothingBelieved(): Pick<Link, 'judgement' | 'loss'> {
  return { judgement: new LinkJudgement(), loss: new LinkLoss() };
}

/**
 * Of the links that are no longer probed, the newest `MAX_WITH_SAMPLES` keep their samples; `MAX_WITH_BUCKETS` more keep
 * buckets.
 */
const MAX_WITH_SAMPLES = 1000;
const MAX_WITH_BUCKETS = 2000;

/**
 * The links of this pod. A link that is no longer probed (its pod has gone, or another pod was picked) keeps its samples
 * for GONE_RETENTION and its buckets for HISTORY_WINDOW. If there are too many, those that left first lose their samples,
 * then their buckets, earlier: see `MAX_WITH_SAMPLES`.
 */
export class Links {
  readonly #history: History;
  readonly #goneRetentionMs: number;
  readonly #windowMs: number;
  /** By target id. Links that are no longer probed are in the order in which they left. */
  readonly #links = new Map<string, Link>();
  #count = 0;

  constructor(history: History, goneRetentionMs: number, windowMs: number) {
    this.#history = history;
    this.#goneRetentionMs = goneRetentionMs;
    this.#windowMs = windowMs;
  }

  /**
   * Sets which links are probed from now on. A link that is probed again has its samples or buckets still, and no state before
   * its next sample.
   */
  setTargets(targets: readonly Target[], nowMs: number): void {
    const wanted = new Set(targets.map((target) => target.id));
    for (const [id, link] of this.#links) {
      if (wanted.has(id) || link.retiredAtMs >= 0) continue;
      link.retiredAtMs = nowMs;
      // To the end of the map, which keeps the order in which links left.
      this.#links.delete(id);
      this.#links.set(id, link);
    }
    for (const target of targets) {
      const link = this.#links.get(target.id);
      if (link === undefined) {
        const record = this.#history.newRecord();
        this.#links.set(target.id, { number: this.#count++, target, record, ...nothingBelieved(), retiredAtMs: -1 });
      } else {
        const { address, port } = link.target;
        // What was believed of another time or another address says nothing about now.
        if (link.retiredAtMs >= 0 || address !== target.address || port !== target.port) {
          Object.assign(link, nothingBelieved());
        }
        link.target = target;
        link.retiredAtMs = -1;
        this.#history.reopen(link.record);
      }
    }
    this.#history.setLinkCount(wanted.size);
    this.expire(nowMs);
  }

  /** The probed link with this target id; undefined if there is none. */
  find(id: string): Link | undefined {
    const link = this.#links.get(id);
    return link !== undefined && link.retiredAtMs < 0 ? link : undefined;
  }

  probed(): Link[] {
    return this.all().filter((link) => link.retiredAtMs < 0);
  }

  /** The links of which recent samples are kept: those that are probed, and those that left a short time ago. */
  withSamples(): Link[] {
    return this.all().filter((link) => link.record.ring !== null);
  }

  /** How many targets have had a link so far. */
  get count(): number {
    return this.#count;
  }

  all(): Link[] {
    return [...this.#links.values()];
  }

  /** Drops samples and buckets that have been kept for long enough, and forgets the links that have neither. */
  expire(nowMs: number): void {
    const left = this.all().filter((link) => link.retiredAtMs >= 0);
    for (const [i, link] of left.entries()) {
      const { record, retiredAtMs, target } = link;
      const newer = left.length - 1 - i;
      const hasSamples = retiredAtMs > nowMs - this.#goneRetentionMs && newer < MAX_WITH_SAMPLES;
      // Those after it left later, so they have samples too.
      if (hasSamples) break;
      if (record.ring !== null) Object.assign(link, nothingBelieved());
      this.#history.dropSamples(record);
      const hasBuckets = retiredAtMs >= nowMs - this.#windowMs && newer < MAX_WITH_SAMPLES + MAX_WITH_BUCKETS;
      if (!hasBuckets || record.lastBucket < 0) this.#links.delete(target.id);
    }
  }
}
