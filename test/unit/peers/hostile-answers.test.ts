import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reportLimits } from '../../../server/peers/report-query.ts';
import { encodePodReport } from '../../../server/protocol/pod-report.ts';
import { type JsonLimits, parseJson } from '../../../server/runtime/json.ts';
import { runToEnd } from '../../support/generator.ts';
import { podOf, podsOf, reportOf } from '../../support/mesh.ts';
import { type ParseAnswer, PEER_ANSWERS, readAnswer } from '../../support/peer-answers.ts';

const limits = { maxBytes: 1024 * 1024, maxValues: 20_000 };
const LIMITS: Record<string, JsonLimits & { maxBytes: number }> = {
  'pod report': reportLimits(podsOf(3)),
  '/check': reportLimits(podsOf(1_000)),
  copies: { maxBytes: 2 * 1024 * 1024, maxValues: 100_000 },
};
const [reportWire, parseReport] = PEER_ANSWERS['pod report']!;
/** All that a pod answers with: a valid answer, its validator, and its limits. */
const ANSWERS: [name: string, wire: object, parse: ParseAnswer, limits: JsonLimits & { maxBytes: number }][] = [
  ...Object.entries(PEER_ANSWERS).map(([name, [wire, parse]]): (typeof ANSWERS)[number] => {
    return [name, wire, parse, LIMITS[name] ?? limits];
  }),
  ['report of 1000 pods', reportWire, parseReport, reportLimits(podsOf(1_000))],
];

/** Values of about `bytes` bytes in JSON that cost much once they are parsed, or once each of their faults is an object. */
const SHAPES: Record<string, (bytes: number) => string> = {
  'empty lists': (bytes) => `[${'[],'.repeat(bytes / 3)}[]]`,
  'empty objects': (bytes) => `[${'{},'.repeat(bytes / 3)}{}]`,
  zeros: (bytes) => `[${'0,'.repeat(bytes / 2)}0]`,
  'nested lists': (bytes) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2),
  'nested objects': (bytes) => `${'{"a":'.repeat(bytes / 6)}0${'}'.repeat(bytes / 6)}`,
  keys: (bytes) => `{${Array.from({ length: bytes / 10 }, (_, i) => `"k${i}":0`).join(',')}}`,
  'a text': (bytes) => `"${'x'.repeat(bytes)}"`,
  'escaped text': (bytes) => `"${'\\u0000'.repeat(bytes / 6)}"`,
  'lists of texts': (bytes) => `[${'["u","n","s","1.2.3.4"],'.repeat(bytes / 24)}[]]`,
  'many links': () => '{"length":65535,"to":0,"flags":0}',
};

/** Does what a client does with the bytes of an answer: how much CPU time it takes, ms, and how the heap grows. */
function costOf(text: string, parse: ParseAnswer, jsonLimits: JsonLimits) {
  const heapBytes = process.memoryUsage().heapUsed;
  const cpuUs = process.cpuUsage();
  let result: unknown = null;
  try {
    result = readAnswer(parse, runToEnd(parseJson(Buffer.from(text), jsonLimits)).result);
  } catch (error) {
    result = error;
  }
  const { user } = process.cpuUsage(cpuUs);
  return { ms: user / 1_000, bytes: process.memoryUsage().heapUsed - heapBytes, result };
}

describe.each(ANSWERS)('a hostile %s', (_, wire, parse, jsonLimits) => {
  it('costs little time and memory, whatever it has in place of a member', () => {
    const members = [...Object.keys(wire), 'unknown'];
    fc.assert(
      fc.property(fc.constantFrom(...members), fc.constantFrom(...Object.keys(SHAPES)), (member, name) => {
        const shape = SHAPES[name]?.(jsonLimits.maxBytes - 2_000) ?? '';
        const text = JSON.stringify({ ...wire, [member]: '@@' }).replace('"@@"', () => shape);
        const { ms, bytes } = costOf(text, parse, jsonLimits);
        expect(bytes, `${name} as ${member}`).toBeLessThan(24 * 1024 * 1024);
        expect(ms, `${name} as ${member}`).toBeLessThan(400);
      }),
      { numRuns: 60 },
    );
  });

  it('is no other kind of JSON', () => {
    for (const shape of Object.values(SHAPES)) {
      expect(costOf(shape(100_000), parse, jsonLimits).result).toBeInstanceOf(Error);
    }
  });
});

it('a real report of 1000 links is well within the limits', () => {
  const pods = podsOf(1_000);
  const links = pods.map((__, to) => ({ to, outcome: 'timeout' as const, totalUs: to * 7 }));
  const details = links.slice(0, 200).map((__, i): [number, string] => [i, 'x'.repeat(300)]);
  const text = encodePodReport(reportOf(podOf(0), pods, links, { details }));
  const { maxBytes, maxValues } = reportLimits(pods);
  expect(text.length).toBeLessThan(maxBytes * 0.75);
  const { result } = costOf(text, parseReport, { maxValues });
  expect((result as { links: { length: number } }).links.length).toBe(1_000);
});
