import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { textOf } from '../contract/errors.ts';
import type { Pod } from '../contract/pod.ts';
import { type LinkSamples, parseLinkSamples } from '../contract/samples.ts';
import type { Clock } from '../contract/seams.ts';
import { type Addressing, addressOf } from './address.ts';
import { peerGet } from './http-call.ts';

/** Asks pods for the recent samples of one of their links. */
export interface LinkAsker {
  /** The samples that `from` has of its link to pod `toUid`. Never rejects: `error` says why there are none. */
  fetchLinkSamples(from: Pod, toUid: string): Promise<LinkSamples>;
  /** Ends questions in flight. */
  stop(): void;
}

/** How pods are called, and how long one may take (CHECK_TIMEOUT). */
export interface LinkAskerSettings extends Addressing {
  port: number;
  checkTimeoutMs: number;
}

/** 512 samples take 60 kB. */
const MAX_BYTES = 256 * 1024;
/** The most questions at once. */
const MAX_IN_FLIGHT = 16;

/** Makes an asker that calls `/api/v1/samples` of other pods. */
export function createLinkAsker(settings: LinkAskerSettings, clock: Clock): LinkAsker {
  const agent = new Agent({ keepAlive: false });
  const stopping = new AbortController();
  setMaxListeners(MAX_IN_FLIGHT, stopping.signal);
  let inFlight = 0;

  const ask = async (from: Pod, toUid: string): Promise<LinkSamples> => {
    if (inFlight >= MAX_IN_FLIGHT) throw new Error('too many links are asked for at once, try again');
    inFlight += 1;
    try {
      const { port, checkTimeoutMs: timeoutMs } = settings;
      const path = `/api/v1/samples?${new URLSearchParams({ to: toUid })}`;
      const host = addressOf(from, settings);
      const request = { host, port, path, timeoutMs, maxBytes: MAX_BYTES, signal: stopping.signal };
      const { status, body } = await peerGet(request, clock, agent);
      if (status === 404 || status === 405) throw new Error('the pod keeps no samples: it may be a Goldpinger');
      if (status !== 200) throw new Error(`the pod answered with status ${status}`);
      // Whatever the answer claims to be, it is what this pod says of this link.
      return { ...parseLinkSamples(JSON.parse(body)), from: from.uid, to: toUid };
    } finally {
      inFlight -= 1;
    }
  };

  return {
    fetchLinkSamples: (from, toUid) =>
      ask(from, toUid).catch((error: unknown) => ({
        from: from.uid,
        to: toUid,
        nowMs: clock.nowMs(),
        error: `no samples from ${from.name}: ${textOf(error)}`.slice(0, 400),
        samples: [],
      })),
    stop: () => {
      stopping.abort();
      agent.destroy();
    },
  };
}
