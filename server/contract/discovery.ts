import type { Pod } from './pod.ts';

/** Why the pod list could not be had. */
export const DISCOVERY_FAULTS = [
  'refused',
  'reset',
  'timeout',
  'unreachable',
  'dns',
  'tls',
  'unauthorized',
  'forbidden',
  'not-found',
  'server-error',
  'malformed',
  'suspicious-empty',
  'config',
] as const;

/** Why the pod list could not be had; see `DISCOVERY_FAULTS`. */
export type DiscoveryFault = (typeof DISCOVERY_FAULTS)[number];

/**
 * How well we know our peers.
 * `waiting`: no list has arrived since start-up. `synced`: the list is current.
 * `stale`: the list is the last known one, the API server has been away (or answers nonsense) since `sinceMs`.
 */
export interface DiscoveryStatus {
  phase: 'waiting' | 'synced' | 'stale';
  /** Since when it is in that phase, ms since the epoch. */
  sinceMs: number;
  /** How changes reach us: by a watch, or by listing again every REFRESH_INTERVAL where watch is forbidden. */
  mode: 'watch' | 'list';
  /** When the list was last known to be right, ms since the epoch; 0 = never. */
  lastGoodMs: number;
  /** Failed attempts since the last good one. */
  attempts: number;
  /** When the next attempt comes, ms since the epoch; 0 = one is running or none is due. */
  nextAttemptMs: number;
  /** The last fault; null once the list is right again. Message at most 300 characters. */
  lastError: { fault: DiscoveryFault; message: string; atMs: number } | null;
  namespace: string;
  labelSelector: string;
}

/** What discovery knows at one moment. Pods are sorted by namespace, name, uid; gone ones stay for GONE_RETENTION. */
export interface DiscoverySnapshot {
  pods: readonly Pod[];
  status: DiscoveryStatus;
}
