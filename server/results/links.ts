import { listChanges, type Target } from '../protocol/pod.ts';
import type { History, LinkRecord } from './history.ts';
import { LinkJudgement } from './judgement.ts';
import { LinkLoss } from './link-loss.ts';

/** A link from this pod to a target: what is stored of it, and what is believed about it. A pod has one link per IP family. */
export interface Link {
  /** Identifies the link in copies: links are numbered from 0 in the order in which they were first probed. */
  number: number;
  target: Target;
  record: LinkRecord;
  judgement: LinkJudgement;
  loss: LinkLoss;
  /** When it stopped being probed, monotonic; -1 while it is probed. */
  retiredAtMs: number;
}

/** The state of a link of which nothing is believed yet. */
function unjudged(): Pick<Link, 'judgement' | 'loss'> {
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
  #targets: readonly Target[] = [];
  /** By target id. Links that are no longer probed are in the order in which they left. */
  readonly #links = new Map<string, Link>();
  /** The number that the next new link gets. Numbers are never used again, so all links so far have smaller ones. */
  nextNumber = 0;

  constructor(history: History) {
    this.#history = history;
  }

  /**
   * Sets which links are probed from now on. A link that is probed again has its samples or buckets still, and no state before
   * its next sample.
   */
  setTargets(targets: readonly Target[], nowMs: number): void {
    const { added, removed } = listChanges(this.#targets, targets);
    this.#targets = targets;
    const wanted = new Set(added.map((target) => target.id));
    for (const { id } of removed) {
      const link = this.#links.get(id);
      if (wanted.has(id) || link === undefined) continue;
      link.retiredAtMs = nowMs;
      // To the end of the map, which keeps the order in which links left.
      this.#links.delete(id);
      this.#links.set(id, link);
    }
    for (const target of added) {
      const link = this.#links.get(target.id);
      if (link === undefined) {
        const record = this.#history.newRecord();
        this.#links.set(target.id, { number: this.nextNumber++, target, record, ...unjudged(), retiredAtMs: -1 });
      } else {
        const { address, port } = link.target;
        // What was believed of another time or another address says nothing about now.
        if (link.retiredAtMs >= 0 || address !== target.address || port !== target.port) {
          Object.assign(link, unjudged());
        }
        link.target = target;
        link.retiredAtMs = -1;
        this.#history.reopen(link.record);
      }
    }
    this.#history.chooseBucketWidth(targets.length);
    this.expire(nowMs);
  }

  /** The link with this target id, if it is probed; else undefined. */
  findProbed(id: string): Link | undefined {
    const link = this.#links.get(id);
    return link !== undefined && link.retiredAtMs < 0 ? link : undefined;
  }

  /** The links that are probed. */
  probed(): Link[] {
    return this.all().filter((link) => link.retiredAtMs < 0);
  }

  /** The links of which recent samples are kept: those that are probed, and those that left a short time ago. */
  withSamples(): Link[] {
    return this.all().filter((link) => link.record.ring !== null);
  }

  /** All links of which samples or buckets are kept. */
  all(): Link[] {
    return [...this.#links.values()];
  }

  /** Drops samples and buckets that have been kept for long enough, and forgets the links that have neither. */
  expire(nowMs: number): void {
    const { goneRetentionMs, historyWindowMs } = this.#history.settings;
    const left: Link[] = [];
    for (const link of this.#links.values()) if (link.retiredAtMs >= 0) left.push(link);
    for (const [i, link] of left.entries()) {
      const { record, retiredAtMs, target } = link;
      const newer = left.length - 1 - i;
      const hasSamples = retiredAtMs > nowMs - goneRetentionMs && newer < MAX_WITH_SAMPLES;
      // Those after it left later, so they have samples too.
      if (hasSamples) break;
      // Its last state is no longer shown: without samples, only its history is.
      if (record.ring !== null) Object.assign(link, unjudged());
      this.#history.dropSamples(record);
      const hasBuckets = retiredAtMs >= nowMs - historyWindowMs && newer < MAX_WITH_SAMPLES + MAX_WITH_BUCKETS;
      if (!hasBuckets || record.lastBucket < 0) this.#links.delete(target.id);
    }
  }
}
