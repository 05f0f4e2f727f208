import { unpack16 } from '../../server/contract/bytes16.ts';
import { outcomeOf, phaseOf } from '../../server/contract/links.ts';
import type { Mesh } from '../../server/contract/mesh.ts';
import type { LinkSamples, RecentSample } from '../../server/contract/samples.ts';
import { chance } from './random.ts';

/** Recent samples (75, one each 2 s) of a link of a matrix: as it is now back to its `since`, healthy before that. */
export function samplesOf(mesh: Mesh, from: string, to: string): LinkSamples {
  const source = mesh.pods.findIndex((pod) => pod.uid === from);
  const target = mesh.pods.findIndex((pod) => pod.uid === to);
  const row = mesh.rows.find(({ pod }) => pod === source);
  const i = row === undefined ? -1 : row.links.to.indexOf(target);
  const nowMs = mesh.atMs;
  if (row === undefined || i === -1) return { from, to, nowMs, error: 'that pod does not probe it', samples: [] };
  const figure = (column: Uint16Array) => unpack16(column[i] ?? 0);
  const now: Omit<RecentSample, 'atMs'> = {
    outcome: outcomeOf(row.links, i),
    phase: phaseOf(row.links, i),
    connectUs: figure(row.links.connectUs),
    firstByteUs: figure(row.links.firstByteUs),
    totalUs: figure(row.links.totalUs),
    suspect: row.starvation?.unreliable ?? false,
  };
  const fine = { ...now, outcome: 'ok', phase: null, connectUs: 200, firstByteUs: 350, totalUs: 570 } as const;
  const forMs = figure(row.links.sinceMs);
  const samples = Array.from({ length: 75 }, (_, k): RecentSample => {
    const age = (74 - k) * 2000 + 500;
    const wobble = (us: number) => (us < 0 ? us : Math.round(us * (0.97 + 0.06 * chance(source, target, k))));
    const then = age <= forMs ? now : fine;
    return {
      ...then,
      atMs: nowMs - age,
      connectUs: wobble(then.connectUs),
      firstByteUs: wobble(then.firstByteUs),
      totalUs: then.outcome === 'ok' ? wobble(then.totalUs) : then.totalUs,
    };
  });
  return { from, to, nowMs, error: '', samples };
}
