import { type LinkFacts, linkFacts } from './link-facts.ts';
import type { Picture } from './picture.ts';

const COLUMNS = [
  'from_namespace',
  'from_pod',
  'from_node',
  'to_namespace',
  'to_pod',
  'to_node',
  'state',
  'outcome',
  'failed_in',
  'shown_ms',
  'connect_ms',
  'first_byte_ms',
  'total_ms',
  'p50_ms',
  'p95_ms',
  'max_ms',
  'samples',
  'failures',
  'since',
  'error',
];

/** One CSV field (RFC 4180). A text that a spreadsheet would run as a formula gets a leading apostrophe. */
export function csvField(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a tab or return before a formula is dropped on import.
  const harmless = /^[\s\u0000-\u001f]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]/.test(text) ? `'${text}` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a field must not end its line or hide what follows.
  const flat = harmless.replace(/[\u0000-\u001f\u007f]+/g, ' ');
  return /[",;]|^ | $/.test(flat) ? `"${flat.replaceAll('"', '""')}"` : flat;
}

/**
 * All links as CSV, one line per link. Yields the links of one source pod at a time, so that the caller can pause.
 * Durations are ms, `since` is ISO 8601 in UTC, unknown values are empty.
 */
export function* csvOf(picture: Picture): Generator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  const who = picture.pods.map(({ pod }) => [pod.namespace, pod.name, pod.node].map(csvField).join(','));
  for (let from = 0; from < picture.n; from++) {
    let piece = '';
    for (let to = 0; to < picture.n; to++) {
      const facts = linkFacts(picture, from, to);
      piece += `${who[from]},${who[to]},${figures(facts, picture.valueUs[from * picture.n + to] ?? -1)}\r\n`;
    }
    yield piece;
  }
}

function figures(facts: LinkFacts, shownUs: number): string {
  const { stats } = facts;
  return [
    facts.state,
    facts.outcome ?? '',
    facts.phase ?? '',
    ms(shownUs),
    ms(facts.connectUs),
    ms(facts.firstByteUs),
    ms(facts.totalUs),
    ms(stats?.p50Us ?? -1),
    ms(stats?.p95Us ?? -1),
    ms(stats?.maxUs ?? -1),
    stats?.samples ?? '',
    stats?.failures ?? '',
    facts.sinceMs < 0 ? '' : new Date(Math.min(facts.sinceMs, 8.64e15)).toISOString(),
    csvField(facts.detail),
  ].join(',');
}

function ms(us: number): string {
  return us >= 0 ? String(Math.round(us) / 1000) : '';
}
