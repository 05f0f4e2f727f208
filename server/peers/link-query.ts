import { type AgeRange, type LinkHistory, parseLinkHistory } from '../protocol/history.ts';
import type { Pod } from '../protocol/pod.ts';
import { type LinkSamples, parseLinkSamples } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import type { PeerClient } from './peer-client.ts';

/** 512 samples take 60 kB, 720 steps of history 140 kB. */
const MAX_BYTES = 256 * 1024;
/** The most queries in progress. */
const MAX_QUERIES = 16;

/** Asks other pods about one of their links: `/api/v1/samples` and `/api/v1/pod-history`. */
export class LinkQuery {
  readonly #client: PeerClient;
  readonly #clock: Clock;
  #queries = 0;

  constructor(client: PeerClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** The samples that pod `from` has of its link to pod `toUid`. Never rejects: `error` says why there are none. */
  async samples(from: Pod, toUid: string): Promise<LinkSamples> {
    // Whatever the answer claims, it is what this pod says about this link.
    const link = { from: from.uid, to: toUid };
    try {
      const wire = await this.#get(from, `/api/v1/samples?${new URLSearchParams({ to: toUid })}`);
      return { ...parseLinkSamples(wire), ...link };
    } catch (error) {
      return { ...link, nowMs: this.#clock.nowMs(), error: messageOf(from, error), samples: [] };
    }
  }

  /** The history of that link in steps of `stepMs`, with times by our clock. Never rejects, as `samples`. */
  async history(from: Pod, toUid: string, { fromAgeMs, toAgeMs }: AgeRange, stepMs: number): Promise<LinkHistory> {
    const link = { from: from.uid, to: toUid };
    try {
      const query = { fromAge: String(fromAgeMs), toAge: String(toAgeMs), step: String(stepMs), to: toUid };
      const history = parseLinkHistory(await this.#get(from, `/api/v1/pod-history?${new URLSearchParams(query)}`));
      // The pod's clock may be wrong; its ages are right.
      const offsetMs = this.#clock.nowMs() - history.nowMs;
      const steps = history.steps.map((step) => ({ ...step, atMs: Math.round(step.atMs + offsetMs) }));
      return { ...history, ...link, nowMs: history.nowMs + offsetMs, steps };
    } catch (error) {
      return { ...link, nowMs: this.#clock.nowMs(), error: messageOf(from, error), resolutionMs: 0, steps: [] };
    }
  }

  async #get(pod: Pod, path: string): Promise<unknown> {
    if (this.#queries >= MAX_QUERIES)
      throw new Error(`more than ${MAX_QUERIES} links are asked for at once, try again`);
    this.#queries += 1;
    try {
      const { body } = await this.#client.request(pod, { method: 'GET', path, maxBytes: MAX_BYTES });
      return JSON.parse(body);
    } finally {
      this.#queries -= 1;
    }
  }
}

function messageOf(from: Pod, error: unknown): string {
  return `no samples from ${from.name}: ${textOf(error)}`.slice(0, 400);
}
