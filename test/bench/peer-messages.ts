/** What the bench tells the process that plays the peers. */
export type ToPeers =
  | { ask: 'listen'; addresses: string[]; port: number }
  /** The report that every peer answers with: whole, and without the peers for an asker who names `hash`. */
  | { ask: 'serve'; hash: string; full: string; known: string }
  | { ask: 'stamps' };

/** What it answers, one message each. */
export type FromPeers =
  | { told: 'listening'; fault: string }
  | { told: 'serving' }
  | {
      told: 'stamps';
      /** Pings answered since the start. */
      pings: number;
      /** By address: when the answer was given (ms since the epoch) and how long it took the peer. */
      stamps: Record<string, [atMs: number, tookUs: number][]>;
    };
