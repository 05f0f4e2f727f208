import type { Events, MeshEvent } from '../protocol/event.ts';
import type { Pod } from '../protocol/pod.ts';
import { MAX_ROUNDS, type Round, type Rounds } from '../protocol/rounds.ts';
import { durationText } from './text.ts';

/** What events say of one pod. Times in ms since the epoch; 0 = no such event. */
interface Life {
  pod: NonNullable<MeshEvent['pod']>;
  seenMs: number;
  readyMs: number;
  goneMs: number;
  /** The API's reason when the pod left. */
  reason: string;
}

/**
 * Finds the rounds of ongoing experiments in the merged events of all pods. An experiment such as "a new pod is ready within
 * 30 s" creates a pod of the same name again and again. So each pod without an owner is a round; of a pod that is no longer
 * known the owner is not known, either, and it is a round if another pod had its name.
 *
 * `pods`: the pods that are known now, gone ones included. `withinMs`: a pod that is ready later has failed; null = no limit.
 */
export function roundsOf(events: Events, pods: readonly Pod[], withinMs: number | null): Rounds {
  const known = new Map(pods.map((pod) => [pod.uid, pod]));
  const lives = livesOf(events.events);
  const uidsByName = new Map<string, number>();
  const keyOf = ({ namespace, name }: Life['pod']) => `${namespace}/${name}`;
  for (const { pod } of lives) uidsByName.set(keyOf(pod), (uidsByName.get(keyOf(pod)) ?? 0) + 1);
  const rounds: Round[] = [];
  for (const life of lives) {
    const pod = known.get(life.pod.uid);
    const isRound = pod === undefined ? (uidsByName.get(keyOf(life.pod)) ?? 0) > 1 : pod.owner === '';
    // Without the time of its creation nothing can be said of a round.
    const createdMs = pod?.createdMs || life.seenMs;
    if (isRound && createdMs > 0) rounds.push(roundOf(life, createdMs, pod, withinMs));
  }
  rounds.sort((a, b) => a.createdMs - b.createdMs);
  const { fromMs, toMs, nowMs, missing } = events;
  const truncated = events.truncated || rounds.length > MAX_ROUNDS;
  return { fromMs, toMs, nowMs, truncated, missing, rounds: rounds.slice(-MAX_ROUNDS) };
}

function livesOf(events: readonly MeshEvent[]): Life[] {
  const lives = new Map<string, Life>();
  for (const { kind, pod, atMs, detail } of events) {
    if (pod === null || !kind.startsWith('pod-')) continue;
    const life = lives.get(pod.uid) ?? { pod, seenMs: 0, readyMs: 0, goneMs: 0, reason: '' };
    lives.set(pod.uid, life);
    if (kind === 'pod-seen') life.seenMs ||= atMs;
    else if (kind === 'pod-ready') life.readyMs ||= atMs;
    else if (kind === 'pod-gone') {
      life.goneMs = atMs;
      life.reason = detail;
    }
  }
  return [...lives.values()];
}

function roundOf(
  { pod: { uid, name, namespace, node }, readyMs, goneMs, reason }: Life,
  createdMs: number,
  pod: Pod | undefined,
  withinMs: number | null,
): Round {
  const readyAfterMs = readyMs > 0 ? Math.max(0, readyMs - createdMs) : null;
  const base = { uid, name, namespace, node, createdMs, readyAfterMs, goneMs: goneMs > 0 ? goneMs : null };
  const cause = reason || (pod?.reason ?? '');
  if (readyAfterMs === null && goneMs > 0) {
    return { ...base, state: 'failed', why: cause || `not ready within ${durationText(goneMs - createdMs)}` };
  }
  if (readyAfterMs === null) return { ...base, state: 'starting', why: cause };
  if (withinMs !== null && readyAfterMs > withinMs) {
    return { ...base, state: 'failed', why: `ready after ${durationText(readyAfterMs)}` };
  }
  return { ...base, state: 'ready', why: '' };
}
