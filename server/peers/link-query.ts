import { type AgeRange, type LinkHistory, parseLinkHistorySliced } from '../protocol/history.ts';
import type { Pod } from '../protocol/pod.ts';
import { type LinkSamples, parseLinkSamplesSliced } from '../protocol/sample.ts';
import type { Skipped } from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import type { PeerClient } from './peer-client.ts';

/** 512 samples take 60 kB, 720 steps of history 140 kB; a step has 11 values and a count for each outcome that occurred. */
const LIMITS = { maxBytes: 256 * 1024, maxValues: 15_000 };
/** The most queries in progress. */
const MAX_QUERIES = 16;

/** Asks other pods about one of their links: `/api/v1/samples` and `/api/v1/pod-history`. */
export class LinkQuery {
  readonly #client: PeerClient;
  readonly #clock: Clock;
  readonly #keepersOf: (uid: string) => Pod[];
  #queries = 0;

  /** `keepersOf`: the pods that may keep a copy of a pod. */
  constructor(client: PeerClient, clock: Clock, keepersOf: (uid: string) => Pod[]) {
    this.#client = client;
    this.#clock = clock;
    this.#keepersOf = keepersOf;
  }

  /** The samples that pod `from` has of its link to pod `toUid`. Never rejects: `error` says why there are none. */
  async samples(from: Pod, toUid: string): Promise<LinkSamples> {
    const path = `/api/v1/samples?${new URLSearchParams({ to: toUid })}`;
    const answer = await this.#ask(from, path, parseLinkSamplesSliced, { samples: [] });
    // Whatever the answer claims, it is what this pod says about this link.
    return { ...answer, from: from.uid, to: toUid };
  }

  /** The history of that link in steps of `stepMs`, with times by our clock. Never rejects, as `samples`. */
  async history(from: Pod, toUid: string, { fromAgeMs, toAgeMs }: AgeRange, stepMs: number): Promise<LinkHistory> {
    const query = { fromAge: String(fromAgeMs), toAge: String(toAgeMs), step: String(stepMs), to: toUid };
    const none = { from: '', to: '', resolutionMs: 0, steps: [] };
    const ask = (pod: Pod, more: Record<string, string>) => {
      return this.#ask(
        pod,
        `/api/v1/pod-history?${new URLSearchParams({ ...query, ...more })}`,
        parseLinkHistorySliced,
        none,
      );
    };
    const isGone = from.lifecycle === 'gone';
    let history: LinkHistory = {
      ...none,
      nowMs: this.#clock.nowMs(),
      error: `no samples from ${from.name}: it has gone`,
    };
    if (!isGone) history = await ask(from, {});
    // A pod that has gone can't be asked; one of these may have a copy.
    for (const keeper of isGone ? this.#keepersOf(from.uid) : []) {
      if (history.error !== '') history = await ask(keeper, { of: from.uid });
    }
    // The pod's clock may be wrong; its ages are right.
    const offsetMs = this.#clock.nowMs() - history.nowMs;
    const steps = history.steps.map((step) => ({ ...step, atMs: Math.round(step.atMs + offsetMs) }));
    return { ...history, from: from.uid, to: toUid, nowMs: history.nowMs + offsetMs, steps };
  }

  /** The parsed answer of a pod; `none`, with the time and why there is no answer, if there is none. */
  async #ask<T, N>(from: Pod, path: string, parse: (wire: unknown, skipped: Skipped) => Generator<void, T>, none: N) {
    this.#queries += 1;
    try {
      if (this.#queries > MAX_QUERIES)
        throw new Error(`more than ${MAX_QUERIES} links are asked for at once, try again`);
      const request = { method: 'GET' as const, path, ...LIMITS };
      const { value } = await this.#client.request<T>(from, {
        ...request,
        parse: (wire, _, skipped) => parse(wire, skipped),
      });
      return value;
    } catch (error) {
      const message = `no samples from ${from.name}: ${textOf(error)}`;
      return { ...none, nowMs: this.#clock.nowMs(), error: message.slice(0, 400) };
    } finally {
      this.#queries -= 1;
    }
  }
}
