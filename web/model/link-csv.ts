import { failedShare } from '../../server/protocol/link-quality.ts';
import { timesUsual } from './figures.ts';
import { type LinkFacts, linkFacts } from './link-facts.ts';
import type { Picture } from './mesh-view.ts';

/*
 * The links of a mesh as CSV.
 */

const POD_COLUMNS = ['namespace', 'pod', 'node'];

/** The columns about a link. Durations are ms, `since` is ISO 8601 in UTC, unknown values are empty. */
const COLUMNS: readonly [name: string, value: (facts: LinkFacts, shownUs: number) => string | number][] = [
  ['state', ({ state }) => state],
  ['unreliable', ({ unreliable }) => (unreliable ? 1 : 0)],
  ['outcome', ({ outcome }) => outcome ?? ''],
  ['failed_in', ({ phase }) => phase ?? ''],
  ['shown_ms', (_, shownUs) => ms(shownUs)],
  ['connect_ms', ({ connectUs }) => ms(connectUs)],
  ['first_byte_ms', ({ firstByteUs }) => ms(firstByteUs)],
  ['total_ms', ({ totalUs }) => ms(totalUs)],
  ['p50_ms', ({ stats }) => ms(stats?.p50Us)],
  ['p95_ms', ({ stats }) => ms(stats?.p95Us)],
  ['max_ms', ({ stats }) => ms(stats?.maxUs)],
  ['samples', ({ stats }) => stats?.samples ?? ''],
  ['failures', ({ stats }) => stats?.failures ?? ''],
  [
    'success_percent',
    ({ stats }) =>
      stats === null || stats.counted === 0 ? '' : percent(1 - failedShare(stats.counted, stats.failures)),
  ],
  ['jitter_ms', ({ stats }) => ms(stats?.jitterUs)],
  ['usual_ms', ({ stats }) => ms(stats?.usualUs)],
  ['times_usual', ({ stats }) => (stats === null ? '' : ratio(timesUsual(stats.p50Us, stats.usualUs)))],
  ['datagrams', ({ udp }) => udp?.sent ?? ''],
  ['datagrams_lost', ({ udp }) => udp?.lost ?? ''],
  ['loss_percent', ({ udp }) => (udp === null ? '' : percent(udp.lost / udp.sent))],
  ['udp_rtt_ms', ({ udp }) => ms(udp?.rttUs)],
  ['hops', ({ udp }) => (udp === null || udp.hops < 0 ? '' : udp.hops)],
  ['since', ({ sinceMs }) => (sinceMs < 0 ? '' : new Date(Math.min(sinceMs, 8.64e15)).toISOString())],
  ['error', ({ detail }) => csvField(detail)],
];

function percent(share: number): number {
  return Number((100 * share).toFixed(2));
}

function ratio(value: number): string | number {
  return value < 0 ? '' : Number(value.toFixed(2));
}

function ms(us = -1): string {
  return us >= 0 ? String(Math.round(us) / 1000) : '';
}

/** One CSV field (RFC 4180). A text that a spreadsheet would run as a formula gets a leading apostrophe. */
export function csvField(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a tab or return before a formula is dropped on import.
  const harmless = /^[\s\u0000-\u001f]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]/.test(text) ? `'${text}` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a field must not end its line or hide what follows.
  const flat = harmless.replace(/[\u0000-\u001f\u007f]+/g, ' ');
  return /[",;]|^ | $/.test(flat) ? `"${flat.replaceAll('"', '""')}"` : flat;
}

/** All links as CSV, one line per link. Yields the links of one source pod at a time, so that the caller can pause. */
export function* csvOf(picture: Picture): Generator<string> {
  const ends = ['from', 'to'].flatMap((end) => POD_COLUMNS.map((name) => `${end}_${name}`));
  yield `${[...ends, ...COLUMNS.map(([name]) => name)].join(',')}\r\n`;
  const who = picture.pods.map(({ pod }) => [pod.namespace, pod.name, pod.node].map(csvField).join(','));
  for (let from = 0; from < picture.n; from++) {
    let piece = '';
    for (let to = 0; to < picture.n; to++) {
      const facts = linkFacts(picture, from, to);
      const shownUs = picture.valueUs[from * picture.n + to] ?? -1;
      const values = COLUMNS.map(([, value]) => value(facts, shownUs));
      piece += `${who[from]},${who[to]},${values.join(',')}\r\n`;
    }
    yield piece;
  }
}
