import { type Events, type MeshEvent, podsOfEvents } from '../protocol/event.ts';
import type { Pod } from '../protocol/pod.ts';
import { type PodNamer, podNamer } from '../protocol/pod-names.ts';
import { MAX_ROUNDS, type Round, type Rounds } from '../protocol/rounds.ts';
import { durationText } from '../runtime/measure-text.ts';
import type { TimeRange } from '../runtime/time-range.ts';

/* The rounds of an ongoing experiment, for `/api/v1/rounds`. They have nothing to do with rounds of pings. */

interface Happening {
  atMs: number;
  /** The name (see `podNamer`) of the only pod that says so; '' = it is confirmed. */
  claimedBy: string;
  detail: string;
}

/** What events say of one pod; null = no such event. */
interface Life {
  pod: NonNullable<MeshEvent['pod']>;
  seen: Happening | null;
  ready: Happening | null;
  /** `detail`: the API's reason. */
  gone: Happening | null;
}

/** Which rounds are wanted, and which pods they are made of. */
interface RoundsContext {
  /** Rounds of which any part lies in this range are given. */
  range: TimeRange;
  /** The pods that the asked pod knows, gone ones included. */
  pods: readonly Pod[];
  /** The uid of the asked pod, which believes itself; '' if it is unknown. */
  selfUid: string;
  /** A pod that is ready later, or still not ready by then, has failed; null = no limit. */
  withinMs: number | null;
}

/**
 * Finds the rounds of ongoing experiments in the merged events of all pods. `events`: all that are kept, not only those of
 * `range`, because what became of a round must not depend on the range. An experiment creates a bare pod (without an owner) of the
 * same name again and again. So each pod without an owner is a round. If the asked pod does not know a pod any more, nor its owner,
 * the pod is a round if another pod had the same name. A pod whose creation is no longer among the events is left out.
 *
 * A pod of the mesh may lie. What a single other pod claims never replaces what several have told, nor what the asked pod sees
 * itself. Where there is nothing else, the round says who claims it.
 */
export function roundsOf(events: Events, { range, pods, selfUid, withinMs }: RoundsContext): Rounds {
  const { nowMs, missing } = events;
  const known = new Map(pods.map((pod) => [pod.uid, pod]));
  const nameOf = podNamer([...pods, ...podsOfEvents(events.events)]);
  const lives = livesOf(events.events, selfUid, nameOf);
  const uidsByName = new Map<string, number>();
  const keyOf = ({ namespace, name }: Life['pod']) => `${namespace}/${name}`;
  for (const { pod } of lives) uidsByName.set(keyOf(pod), (uidsByName.get(keyOf(pod)) ?? 0) + 1);
  const rounds: Round[] = [];
  for (const life of lives) {
    const pod = known.get(life.pod.uid);
    const isRound = pod === undefined ? (uidsByName.get(keyOf(life.pod)) ?? 0) > 1 : pod.owner === '';
    if (!isRound || life.seen === null) continue;
    const round = roundOf(life, createdMsOf(life.seen, pod), pod, withinMs, nowMs);
    if (round.createdMs <= range.toMs && (round.goneMs ?? nowMs) >= range.fromMs) rounds.push(round);
  }
  rounds.sort((a, b) => a.createdMs - b.createdMs);
  const truncated = events.truncated || rounds.length > MAX_ROUNDS;
  return { ...range, nowMs, truncated, missing, rounds: rounds.slice(-MAX_ROUNDS) };
}

/** What events say of each pod, in the order of its first event. */
function livesOf(events: readonly MeshEvent[], selfUid: string, nameOf: PodNamer): Life[] {
  const lives = new Map<string, Life>();
  for (const event of events) {
    const { kind, pod } = event;
    if (pod === null || !kind.startsWith('pod-')) continue;
    const life = lives.get(pod.uid) ?? { pod, seen: null, ready: null, gone: null };
    lives.set(pod.uid, life);
    const happening = happeningOf(event, selfUid, nameOf);
    if (kind === 'pod-seen') life.seen = better(life.seen, happening);
    else if (kind === 'pod-ready') life.ready = better(life.ready, happening);
    else if (kind === 'pod-gone') life.gone = better(life.gone, happening);
  }
  return [...lives.values()];
}

/** The first of the two that is confirmed, else the first. */
function better(first: Happening | null, next: Happening): Happening {
  return first === null || (first.claimedBy !== '' && next.claimedBy === '') ? next : first;
}

/** An event as a happening. It is confirmed if several pods, the asked pod or the pod itself say so. */
function happeningOf(
  { atMs, detail, from: [only], fromCount, pod }: MeshEvent,
  selfUid: string,
  nameOf: PodNamer,
): Happening {
  const isConfirmed = fromCount > 1 || only === undefined || only.uid === selfUid || only.uid === pod?.uid;
  return { atMs, detail, claimedBy: isConfirmed ? '' : nameOf(only) };
}

/** A claim is not confirmed: a single other pod says so. */
function isClaim(happening: Happening | null): boolean {
  return (happening?.claimedBy ?? '') !== '';
}

/** When a pod was created. If it was seen before that, the API's clock is ahead of ours. */
function createdMsOf(seen: Happening, pod: Pod | undefined): number {
  const createdMs = pod?.createdMs || seen.atMs;
  return isClaim(seen) ? createdMs : Math.min(createdMs, seen.atMs);
}

/** The round of one pod. `pod`: as the asked pod knows it; undefined = it does not. `withinMs`: see `RoundsContext`. */
function roundOf(life: Life, createdMs: number, pod: Pod | undefined, withinMs: number | null, nowMs: number): Round {
  const { uid, name, namespace, node } = life.pod;
  const { ready } = life;
  // The asked pod sees itself whether a pod is still there, so it does not believe one other pod that says otherwise. Nor does a
  // departure count after which the pod came back, as with a restored label.
  const isThere = pod !== undefined && pod.lifecycle !== 'gone';
  const hasStayed = isThere && (isClaim(life.gone) || pod.sinceMs > (life.gone?.atMs ?? 0));
  const gone = hasStayed ? null : life.gone;
  // Of a pod that the asked pod knows, it knows the creation too.
  const said = [pod === undefined ? life.seen : null, ready, gone];
  const claimedBy = said.find(isClaim)?.claimedBy ?? '';
  const readyAfterMs = ready === null ? null : Math.max(0, ready.atMs - createdMs);
  const goneMs = gone?.atMs ?? null;
  const base = { uid, name, namespace, node, createdMs, readyAfterMs, goneMs, claimedBy };
  if (readyAfterMs === null) {
    const cause = gone?.detail || (pod?.reason ?? '');
    const isInTime = withinMs === null || nowMs - createdMs <= withinMs;
    if (goneMs === null && isInTime) return { ...base, state: 'starting', why: cause };
    const hadMs = goneMs === null ? (withinMs ?? 0) : goneMs - createdMs;
    return { ...base, state: 'failed', why: cause || `not ready within ${durationText(hadMs)}` };
  }
  if (withinMs !== null && readyAfterMs > withinMs) {
    return { ...base, state: 'failed', why: `ready after ${durationText(readyAfterMs)}` };
  }
  return { ...base, state: 'ready', why: '' };
}
