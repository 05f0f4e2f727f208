import { clockText, latencyText } from './figures.ts';
import { linkFacts } from './link-facts.ts';
import { linkWords } from './link-words.ts';
import type { Picture } from './picture.ts';

/** The last result that one pod measured for a pod that is gone. */
export interface LastPing {
  from: string;
  /** "Refused since 15:07:38", "1.2 ms at 15:07:37". */
  words: string;
  isFailed: boolean;
}

/** The last pings into a pod that is gone (its index in `Mesh.pods`), failed ones first. */
export function lastPingsInto(picture: Picture, to: number): LastPing[] {
  const { pods, mesh } = picture;
  const all = pods.flatMap(({ index, name }): LastPing[] => {
    const { outcome, totalUs, sinceMs, sampledMs } = linkFacts(picture, index, to);
    if (outcome === null || index === to) return [];
    const clock = (atMs: number) => clockText(atMs, mesh.atMs);
    return outcome === 'ok'
      ? [{ from: name, words: `${latencyText(totalUs)} at ${clock(sampledMs)}`, isFailed: false }]
      : [{ from: name, words: `${linkWords({ state: 'failed', outcome })} since ${clock(sinceMs)}`, isFailed: true }];
  });
  return [...all.filter(({ isFailed }) => isFailed), ...all.filter(({ isFailed }) => !isFailed)];
}
