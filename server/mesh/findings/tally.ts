import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import type { Finding } from '../../contract/finding.ts';
import { FLAG_IPV6, FLAG_NOT_YET, FLAG_SUSPECT } from '../../contract/links.ts';
import type { MeshRow } from '../../contract/mesh.ts';
import type { Pod } from '../../contract/pod.ts';
import { type FindingsHead, findingsOf } from './findings.ts';
import { FRESH, IPV4, IPV6, Layer, SPIKE, STANDS } from './layer.ts';
import { Places } from './places.ts';
import type { Told } from './told.ts';

/** How a pair of pods is, the worse the higher. */
const UNJUDGED = 0;
const OK = 1;
const SLOW = 2;
const FAILED = 3;

/** `sinceMs` is packed with an error of 1 in 8192, and so is `ageMs`. */
const PACKING_ERROR = 1.001;

/**
 * Counts while rows come in, so that no single turn looks at a million links; what was bad is kept by row.
 * Rows of pods that come or go, did not report or are starved accuse nobody.
 */
export class FindingTally {
  readonly #told: Told;
  readonly #state: Uint8Array;
  readonly #link: Uint16Array;
  readonly #families: Uint8Array;

  /** `slowLinkMs`: from this on a link is slow (SLOW_LINK). */
  constructor(pods: readonly Pod[], slowLinkMs: number) {
    const places = new Places(pods);
    const layers = { failed: new Layer(places), slow: new Layer(places) };
    const lists = { rows: new Map(), missing: [], starved: [], selfFailed: [] };
    this.#told = { places, ...layers, ...lists, slowUs: slowLinkMs * 1000, bothFamilies: false };
    this.#state = new Uint8Array(pods.length);
    this.#link = new Uint16Array(pods.length);
    this.#families = new Uint8Array(pods.length);
  }

  /** Takes one row into account. O(links + pods). */
  add(row: MeshRow): void {
    const { places, missing, starved, rows } = this.#told;
    if (places.judged[row.pod] !== 1) return;
    if (row.missing !== '') missing.push(row);
    else if (row.starvation?.unreliable === true) starved.push(row);
    else {
      rows.set(row.pod, row);
      this.#judge(row);
      this.#count(row);
    }
  }

  /** What stands out in everything added. Yields after each small part of the work; see `inSlices`. */
  findings(head: FindingsHead): Generator<void, Finding[]> {
    return findingsOf(this.#told, head);
  }

  /** Judges pairs: of the two links of a pair in both IP families the worse counts. */
  #judge({ links }: MeshRow): void {
    const { places, slowUs } = this.#told;
    const [states, judged, families] = [this.#state, places.judged, this.#families];
    states.fill(UNJUDGED);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      const flags = links.flags[i] ?? 0;
      if ((flags & FLAG_NOT_YET) !== 0 || judged[to] !== 1) continue;
      const isSlow = unpack16(links.totalUs[i] ?? NONE16) >= slowUs;
      const state = links.outcome[i] !== 0 ? FAILED : isSlow ? SLOW : OK;
      const family = (flags & FLAG_IPV6) !== 0 ? IPV6 : IPV4;
      const before = states[to] ?? UNJUDGED;
      if (before !== UNJUDGED) this.#told.bothFamilies = true;
      if (state < before) continue;
      families[to] = state === before ? (families[to] ?? 0) | family : family;
      if (state > before) this.#link[to] = i;
      states[to] = state;
    }
  }

  #count(row: MeshRow): void {
    const { failed, slow, selfFailed, slowUs } = this.#told;
    const states = this.#state;
    failed.begin(row.pod);
    slow.begin(row.pod);
    failed.judge(states, FAILED);
    slow.judge(states, SLOW);
    for (let to = 0; to < states.length; to++) {
      const state = states[to] ?? UNJUDGED;
      if (state <= OK) continue;
      const link = this.#link[to] ?? 0;
      const families = this.#families[to] ?? 0;
      if (to === row.pod) {
        if (state === FAILED) selfFailed.push({ pod: to, link });
      } else if (state === SLOW) slow.keep(to, link, slowWeight(row, link, slowUs), families);
      else failed.keep(to, link, hasFailedTwice(row, link) ? STANDS : FRESH, families);
    }
    failed.end();
    slow.end();
  }
}

/** Whether the link had been failing for longer than since its newest sample. */
function hasFailedTwice({ links }: MeshRow, i: number): boolean {
  const [since, age] = [unpack16(links.sinceMs[i] ?? NONE16), unpack16(links.ageMs[i] ?? NONE16)];
  return age >= 0 && since > age * PACKING_ERROR + 1 && ((links.flags[i] ?? 0) & FLAG_SUSPECT) === 0;
}

/** What the window, if there is one, says of a link whose newest sample was slow. */
function slowWeight({ stats }: MeshRow, i: number, slowUs: number): number {
  const samples = stats?.samples[i] ?? 0;
  const isSlow = unpack16(stats?.p50Us[i] ?? NONE16) >= slowUs;
  if (isSlow && samples >= 2) return STANDS;
  return !isSlow && samples >= 3 ? SPIKE : FRESH;
}
