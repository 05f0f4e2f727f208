import type { Addresses, AddressSeries } from './addresses.ts';
import { type FamilyHead, type Format, headText, seriesText } from './exposition.ts';
import { FAILURE_KINDS, failureIndex, failureLabels, type PairSeries } from './pairs.ts';

/** How many series (a histogram counts as one) are rendered before the loop gets its turn. */
const SLICE = 50;

const LATENCY: FamilyHead = {
  name: 'goldpinger_peers_response_time_s',
  type: 'histogram',
  help: 'Response times of calls to other instances in seconds, successful calls only.',
};
const PHASE: FamilyHead = {
  name: 'goldpinger_peer_phase_seconds',
  type: 'summary',
  help: 'Time that successful pings spent connecting, and waiting for the first byte of the answer.',
};
const UP: FamilyHead = {
  name: 'goldpinger_peer_up',
  type: 'gauge',
  help: 'Whether the link to a peer works (1) or fails (0), a ping from a starved moment alone not believed.',
};
const FAILURES: FamilyHead = {
  name: 'goldpinger_peer_ping_failures_total',
  type: 'counter',
  help: 'Failed pings by reported peer, outcome and phase, without timeouts that our own busy process may have caused.',
};

/** Failures that stand at 0 from the start, so that a rate sees the first one. */
const FROM_THE_START = new Set([failureIndex('refused', 'connect'), failureIndex('timeout', 'connect')]);
const FAILURE_LABELS = Array.from({ length: FAILURE_KINDS }, (_, index) => {
  const { outcome, phase } = failureLabels(index);
  return `outcome="${outcome}",phase="${phase}"`;
});

/** The families by address, in slices. `instance` is the label that every series has. */
export function* addressSlices(addresses: Addresses, instance: string, format: Format): Generator<string> {
  const all = addresses.list();
  const bare = (series: AddressSeries) => (series.labels === '' ? instance : `${instance},${series.labels}`);
  yield headText(LATENCY, format);
  for (const callType of ['check', 'ping'] as const) {
    yield* slices(all, (series) => {
      const slot = series.slots[callType];
      if (series.hasLeft || slot < 0) return '';
      return addresses.latencies.text(slot, LATENCY.name, `call_type="${callType}",${bare(series)}`, format);
    });
  }
  yield headText(PHASE, format);
  yield* slices(all, (series) => (series.phaseCount === 0 ? '' : phaseText(series, bare(series))));
}

/** The families by peer, in slices. */
export function* pairSlices(pairs: readonly PairSeries[], instance: string, format: Format): Generator<string> {
  yield headText(UP, format);
  yield* slices(pairs, (pair) =>
    pair.isUp === null ? '' : seriesText(UP.name, `${instance},${pair.labels}`, pair.isUp ? 1 : 0),
  );
  yield headText(FAILURES, format);
  yield* slices(pairs, (pair) => failuresText(pair, `${instance},${pair.labels}`));
}

function phaseText(series: AddressSeries, labels: string): string {
  const { name } = PHASE;
  const one = (phase: string, sumUs: number) =>
    seriesText(`${name}_sum`, `${labels},phase="${phase}"`, sumUs / 1e6) +
    seriesText(`${name}_count`, `${labels},phase="${phase}"`, series.phaseCount);
  return one('connect', series.connectUs) + one('first-byte', series.firstByteUs);
}

function failuresText(pair: PairSeries, labels: string): string {
  let lines = '';
  for (let index = 0; index < FAILURE_KINDS; index++) {
    const count = pair.failures?.[index] ?? 0;
    if (count === 0 && !FROM_THE_START.has(index)) continue;
    lines += seriesText(FAILURES.name, `${labels},${FAILURE_LABELS[index]}`, count);
  }
  return lines;
}

function* slices<T>(items: readonly T[], textOf: (item: T) => string): Generator<string> {
  for (let start = 0; start < items.length; start += SLICE) {
    let slice = '';
    for (const item of items.slice(start, start + SLICE)) slice += textOf(item);
    if (slice !== '') yield slice;
  }
}
