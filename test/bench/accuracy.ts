import { parseLinkSamples } from '../../server/protocol/sample.ts';
import { call } from './calls.ts';
import type { Scene } from './scene.ts';

/** How many peers are looked at. */
const LOOKED_AT = 200;
/** A stamp and a sample this far apart are not of the same ping. */
const SAME_PING_MS = 50;

/** What comparing found. */
export interface Accuracy {
  /** One a ping that the server itself does not suspect. */
  errorsUs: number[];
  /** Pings that it does. */
  suspects: number;
}

/**
 * By how much the server's figures differ from what the peers stamped. A peer's stamp goes from the accepted connection
 * to the answer in the kernel's hands, so the error holds both processes' waking up: more than the server's own share.
 */
export async function comparePings(scene: Scene): Promise<Accuracy> {
  const { stamps } = await scene.peers.stamps();
  const accuracy: Accuracy = { errorsUs: [], suspects: 0 };
  for (const pod of scene.pods.slice(1, 1 + LOOKED_AT)) {
    const { text } = await call(`${scene.server.url}/api/v1/samples?to=${pod.uid}`, { keep: true });
    for (const sample of parseLinkSamples(JSON.parse(text)).samples) {
      if (sample.suspect) accuracy.suspects++;
      if (sample.suspect || sample.outcome !== 'ok') continue;
      const distance = ([atMs]: [number, number]) => Math.abs(atMs - sample.atMs);
      const nearest = (stamps[pod.podIP] ?? []).toSorted((a, b) => distance(a) - distance(b))[0];
      if (nearest !== undefined && distance(nearest) < SAME_PING_MS)
        accuracy.errorsUs.push(Math.abs(sample.totalUs - nearest[1]));
    }
  }
  return accuracy;
}
