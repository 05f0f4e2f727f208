/** Every situation the page must be right in. `mixed` is most of them at once. */
export const SCENARIOS = [
  'healthy',
  'dead-pod',
  'slow-pod',
  'dead-node',
  'starved',
  'cut-off',
  'outcomes',
  'lifecycles',
  'missing-reports',
  'probes',
  'check-only',
  'hostile',
  'mixed',
  'waiting',
  'empty',
  'forbidden',
  'stale',
  'alone',
] as const;

/** A situation; see `SCENARIOS`. */
export type Scenario = (typeof SCENARIOS)[number];

/** What to generate. All but `pods` and `scenario` have a default. */
export interface MeshOptions {
  /** Number of pods; ignored by `waiting`, `empty` and `forbidden` (0) and `alone` (1). */
  pods: number;
  scenario: Scenario;
  seed?: number;
  /** The serving pod's time, ms since the epoch. */
  atMs?: number;
  /** Number of nodes; 0 = as many as suit. */
  nodes?: number;
  /** Number of zones; 0 = zones unknown. */
  zones?: number;
  /** As PING_NUMBER: how many peers each pod probes; 0 = all. */
  pingNumber?: number;
  /** Window of the figures; 0 = none. */
  windowMs?: number;
  /** Counts updates: figures of healthy links differ a little from one to the next. */
  tick?: number;
}

/** The time at which scenarios play, if not told otherwise: 2024-05-14 13:12:30 UTC. */
export const FEED_TIME_MS = Date.UTC(2024, 4, 14, 13, 12, 30);
