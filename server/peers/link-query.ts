import { type AgeRange, type LinkHistory, parseLinkHistorySliced } from '../protocol/history.ts';
import type { Pod } from '../protocol/pod.ts';
import type { PodNamer } from '../protocol/pod-names.ts';
import { type LinkSamples, parseLinkSamplesSliced } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import type { PeerClient, PeerRequest } from './peer-client.ts';

/** 512 samples take 60 kB, 720 steps of history 140 kB; a step has 11 values and a count for each outcome that occurred. */
const ANSWER_LIMITS = { maxBytes: 256 * 1024, maxValues: 15_000 };
/** The most characters of the text that says why there is no answer. */
const MAX_ERROR = 400;

interface LinkQueryDeps {
  client: Pick<PeerClient, 'request'>;
  clock: Clock;
  nameOf: PodNamer;
  /** The other pods that may have a copy of a pod, in the order in which to ask them. */
  otherKeepers(uid: string): readonly Pod[];
}

/** Asks a pod about one of its links (`/api/v1/samples`, `/api/v1/pod-history`), or its keepers if it has gone. */
export class LinkQuery {
  readonly #deps: LinkQueryDeps;

  constructor(deps: LinkQueryDeps) {
    this.#deps = deps;
  }

  /**
   * The samples that pod `from` has of its link to pod `toUid`, with times by its clock, as `nowMs` is. Never rejects: `error` says why
   * there are none.
   */
  async samples(from: Pod, toUid: string): Promise<LinkSamples> {
    const answer = await this.#askFor(from, '/api/v1/samples', { to: toUid }, parseLinkSamplesSliced);
    // Whatever the answer claims, it is what this pod says about this link.
    const link = { from: from.uid, to: toUid };
    if (typeof answer !== 'string') return { ...answer, ...link };
    return { ...link, nowMs: this.#deps.clock.nowMs(), error: answer, samples: [] };
  }

  /** The history of that link in steps of `stepMs`, with times by our clock. Never rejects, as `samples`. */
  async history(from: Pod, toUid: string, { fromAgeMs, toAgeMs }: AgeRange, stepMs: number): Promise<LinkHistory> {
    const [fromAge = '', toAge = '', step = ''] = [fromAgeMs, toAgeMs, stepMs].map((ms) => String(Math.round(ms)));
    const query = { fromAge, toAge, step, to: toUid };
    const answer = await this.#askFor(from, '/api/v1/pod-history', query, parseLinkHistorySliced);
    const link = { from: from.uid, to: toUid, nowMs: this.#deps.clock.nowMs() };
    if (typeof answer === 'string') return { ...link, error: answer, resolutionMs: 0, steps: [] };
    // The pod's clock may be wrong; its ages are right.
    const offsetMs = link.nowMs - answer.nowMs;
    const steps = answer.steps.map((step) => ({ ...step, atMs: Math.round(step.atMs + offsetMs) }));
    return { ...answer, ...link, steps };
  }

  /**
   * Asks the pod, or, if it has gone, the other pods that may keep a copy of it, one after the other, until one has a copy. Whether we
   * have one ourselves the callers have looked up.
   */
  async #askFor<T extends { error: string }>(
    from: Pod,
    path: string,
    query: Record<string, string>,
    parse: PeerRequest<T>['parse'],
  ): Promise<T | string> {
    const isGone = from.lifecycle === 'gone';
    const search = new URLSearchParams(isGone ? { ...query, of: from.uid } : query);
    let answer: T | string = 'no pod has a copy of its memory';
    for (const pod of isGone ? this.#deps.otherKeepers(from.uid) : [from]) {
      answer = await this.#ask(pod, `${path}?${search}`, parse);
      if (typeof answer !== 'string' && answer.error === '') break;
    }
    return isGone && typeof answer === 'string'
      ? `${this.#deps.nameOf(from)} has gone: ${answer}`.slice(0, MAX_ERROR)
      : answer;
  }

  /** The parsed answer of a pod, or a text that says why there is none. */
  async #ask<T>(pod: Pod, path: string, parse: PeerRequest<T>['parse']): Promise<T | string> {
    try {
      return (await this.#deps.client.request(pod, { path, ...ANSWER_LIMITS, parse })).value;
    } catch (error) {
      return `no answer from ${this.#deps.nameOf(pod)}: ${textOf(error)}`.slice(0, MAX_ERROR);
    }
  }
}
