import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseGoldpingerCheck } from '../../../server/protocol/goldpinger.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';

const FOLDER = new URL('../../fixtures/goldpinger/', import.meta.url);
const recorded = (pattern: RegExp) => readdirSync(FOLDER).filter((name) => pattern.test(name));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'));

describe("Goldpinger's /check", () => {
  it.each(recorded(/check(-probes)?\.json$/))('%s is read', (name) => {
    const check = parseGoldpingerCheck(read(name));
    expect([...check.podResults.keys()]).toContain('goldpinger-001');
  });

  it('may have fields that we do not know, lack those that Go leaves out, and name a pod in any way', () => {
    const wire = '{"podResults":{"a":{"OK":true,"loss":0.5},"__proto__":{"OK":true},"toString":{}},"version":4}';
    const { podResults, probeResults } = parseGoldpingerCheck(JSON.parse(wire));
    const empty = { pingTime: '', podIP: '', bootTime: '', responseTimeMs: 0, error: '' };
    expect(podResults.get('a')).toEqual({ OK: true, ...empty });
    expect([[...podResults.keys()], probeResults.size]).toEqual([['a', '__proto__', 'toString'], 0]);
  });

  it.each([
    ['nothing', undefined, /the answer/],
    ['a list', [], /the answer/],
    ['another JSON object', { status: 'ok' }, /podResults/],
    ['too many results', { podResults: Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [i, {}])) }, /podR/],
  ])('%s is refused, with the place', (_, wire, place) => {
    expect(() => parseGoldpingerCheck(wire)).toThrow(place);
    expect(() => parseGoldpingerCheck(wire)).toThrow(TypeError);
  });

  it.each([
    ['a text', 'fine', /podResults\.a/],
    ['a time that is a text', { 'response-time-ms': '1' }, /podResults\.a: response-time-ms/],
    ['an address of a megabyte', { PodIP: 'x'.repeat(1e6) }, /podResults\.a: PodIP/],
  ])('without a result with %s has the others', (_, result, place) => {
    const skipped = noneSkipped();
    const { podResults } = parseGoldpingerCheck({ podResults: { a: result, b: {} } }, skipped);
    expect([[...podResults.keys()], skipped]).toEqual([['b'], { count: 1, reason: expect.stringMatching(place) }]);
  });
});
