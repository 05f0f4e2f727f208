import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { textOf } from '../contract/errors.ts';
import { type LinkHistory, parseLinkHistory } from '../contract/history.ts';
import type { AgeRange } from '../contract/past.ts';
import type { Pod } from '../contract/pod.ts';
import { type LinkSamples, parseLinkSamples } from '../contract/samples.ts';
import type { Clock } from '../contract/seams.ts';
import { type Addressing, addressOf } from './address.ts';
import { peerGet } from './http-call.ts';

/** Asks pods about one of their links. */
export interface LinkAsker {
  /** The samples that `from` has of its link to pod `toUid`. Never rejects: `error` says why there are none. */
  fetchLinkSamples(from: Pod, toUid: string): Promise<LinkSamples>;
  /** The past of that link in steps of `stepMs`, times by our clock. Never rejects, as above. */
  fetchLinkHistory(from: Pod, toUid: string, range: AgeRange, stepMs: number): Promise<LinkHistory>;
  /** Ends questions in flight. */
  stop(): void;
}

/** How pods are called, and how long one may take (CHECK_TIMEOUT). */
export interface LinkAskerSettings extends Addressing {
  port: number;
  checkTimeoutMs: number;
}

/** 512 samples take 60 kB, 720 steps 140 kB. */
const MAX_BYTES = 256 * 1024;
/** The most questions at once. */
const MAX_IN_FLIGHT = 16;

/** Makes an asker that calls `/api/v1/samples` and `/api/v1/row-history` of other pods. */
export function createLinkAsker(settings: LinkAskerSettings, clock: Clock): LinkAsker {
  const agent = new Agent({ keepAlive: false });
  const stopping = new AbortController();
  setMaxListeners(MAX_IN_FLIGHT, stopping.signal);
  let inFlight = 0;

  const ask = async <T>(from: Pod, path: string, parse: (wire: unknown) => T): Promise<T> => {
    if (inFlight >= MAX_IN_FLIGHT) throw new Error('too many links are asked for at once, try again');
    inFlight += 1;
    try {
      const { port, checkTimeoutMs: timeoutMs } = settings;
      const host = addressOf(from, settings);
      const request = { host, port, path, timeoutMs, maxBytes: MAX_BYTES, signal: stopping.signal };
      const { status, body } = await peerGet(request, clock, agent);
      if (status === 404 || status === 405) throw new Error('the pod keeps no samples: it may be a Goldpinger');
      if (status !== 200) throw new Error(`the pod answered with status ${status}`);
      return parse(JSON.parse(body));
    } finally {
      inFlight -= 1;
    }
  };
  const why = (from: Pod, error: unknown) => `no samples from ${from.name}: ${textOf(error)}`.slice(0, 400);

  return {
    fetchLinkSamples: async (from, toUid) => {
      // Whatever the answer claims to be, it is what this pod says of this link.
      const link = { from: from.uid, to: toUid };
      try {
        const path = `/api/v1/samples?${new URLSearchParams({ to: toUid })}`;
        return { ...(await ask(from, path, parseLinkSamples)), ...link };
      } catch (error) {
        return { ...link, nowMs: clock.nowMs(), error: why(from, error), samples: [] };
      }
    },
    fetchLinkHistory: async (from, toUid, { fromAgeMs, toAgeMs }, stepMs) => {
      const link = { from: from.uid, to: toUid };
      try {
        const query = { fromAge: String(fromAgeMs), toAge: String(toAgeMs), step: String(stepMs), to: toUid };
        const told = await ask(from, `/api/v1/row-history?${new URLSearchParams(query)}`, parseLinkHistory);
        // Its ages are right, its clock need not be.
        const apartMs = clock.nowMs() - told.nowMs;
        const steps = told.steps.map((step) => ({ ...step, atMs: Math.round(step.atMs + apartMs) }));
        return { ...told, ...link, nowMs: told.nowMs + apartMs, steps };
      } catch (error) {
        return { ...link, nowMs: clock.nowMs(), error: why(from, error), resolutionMs: 0, steps: [] };
      }
    },
    stop: () => {
      stopping.abort();
      agent.destroy();
    },
  };
}
