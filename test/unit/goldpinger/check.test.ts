import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAnswer, isoTimes, type OwnResults, resultKeys } from '../../../server/goldpinger/check.ts';
import { parseGoldpingerCheck } from '../../../server/protocol/goldpinger.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import type { ProbeResult, Sample } from '../../../server/protocol/sample.ts';
import { sampleOf as anySample, targetOf as anyTarget } from '../../support/samples.ts';

/** As Go wrote it, without white space. */
const recorded = (name: string): string =>
  JSON.stringify(JSON.parse(readFileSync(new URL(`../../fixtures/goldpinger/${name}`, import.meta.url), 'utf8')));

function targetOf(n: number, change: Partial<Target> = {}): Target {
  const podIP = `127.0.1.${n}`;
  const at = { name: `goldpinger-00${n}`, node: `node-${n}`, hostIP: `10.0.0.${n}`, podIP, address: podIP };
  return { ...anyTarget(`u${n}`), ...at, ...change };
}

function sampleOf(change: Partial<Sample> = {}): Sample {
  const times = { atMs: Date.parse('2026-11-22T14:40:08.561Z'), bootTimeMs: Date.parse('2026-11-22T14:39:48.013Z') };
  return anySample({ ...times, totalUs: 420, ...change });
}

const text = (own: Partial<OwnResults>) =>
  [...checkAnswer({ links: [], probes: [], displayNodeName: false, ...own })].join('');
const check = (own: Partial<OwnResults>) => JSON.parse(text(own));
const refused: Partial<Sample> = { outcome: 'refused', phase: 'connect', detail: 'x', bootTimeMs: -1 };

describe("our own /check, as Goldpinger's", () => {
  it.each(['one-down-check.json', 'check-probes.json'])('is byte for byte what Goldpinger answered: %s', (name) => {
    const golden = parseGoldpingerCheck(JSON.parse(recorded(name)));
    const links = [...golden.podResults.values()].map((result, i) => {
      const failed = result.OK ? {} : refused;
      // Goldpinger cuts a time to whole ms, and leaves 0 out.
      const times = { atMs: Date.parse(result.pingTime), bootTimeMs: Date.parse(result.bootTime) };
      const sample = sampleOf({ ...times, totalUs: result.responseTimeMs * 1000 + 999, ...failed });
      return { target: targetOf(i + 1), judged: sample };
    });
    const { probeResults = {} }: { probeResults?: Record<string, ProbeResult[]> } = JSON.parse(recorded(name));
    const probes = Object.entries(probeResults).flatMap(([target, results]) =>
      results.map(({ protocol, error = '' }) => ({ target, protocol, error, atMs: 1, durationUs: 900 })),
    );
    expect(text({ links, probes })).toBe(recorded(name));
    expect(text({ links: links.reverse(), probes: probes.reverse() })).toBe(recorded(name));
  });

  it('has 500 without an IP', () => {
    const sample = sampleOf({ ...refused, outcome: 'no-address', detail: '' });
    const { podResults } = check({ links: [{ target: targetOf(1, { podIP: '', address: '' }), judged: sample }] });
    expect(podResults['goldpinger-001']).toMatchObject({ OK: false, 'status-code': 500, PodIP: '' });
    expect(podResults['goldpinger-001'].error).not.toBe('');
  });

  it('leaves out what has not been probed yet', () => {
    const probes: ProbeResult[] = [{ target: 'x', protocol: 'dns', atMs: 0, durationUs: 0, error: '' }];
    expect(text({ links: [{ target: targetOf(1), judged: null }], probes })).toBe('{"podResults":{}}');
  });

  it.each([
    ['a failure over one family', refused, {}, false],
    ['the slower of two answers', { totalUs: 9_000 }, { totalUs: 2_000 }, true],
  ])('shows %s for a pod with two', (_, six, four, ok) => {
    const v6 = targetOf(1, { id: 'u1/6', family: 6, podIP: 'fd00::1', address: 'fd00::1' });
    const links = [
      { target: targetOf(1), judged: sampleOf(four) },
      { target: v6, judged: sampleOf(six) },
    ];
    for (const order of [links, [...links].reverse()]) {
      const { podResults } = check({ links: order });
      expect(Object.keys(podResults)).toEqual(['goldpinger-001']);
      expect(podResults['goldpinger-001']).toMatchObject({ OK: ok, PodIP: 'fd00::1' });
    }
  });

  it('has the same times where they are made for many results at once', () => {
    const timeText = isoTimes();
    for (const ms of [0, 7, 999.6, 65_000, Date.UTC(2026, 10, 22), 1_999]) {
      expect(timeText(ms)).toBe(new Date(Math.round(ms)).toISOString());
    }
  });

  it('stays JSON with hostile names', () => {
    const name = '"},"x":{"<script>\u2028\\';
    const answer = check({
      links: [{ target: targetOf(1, { name }), judged: sampleOf({ ...refused, detail: name }) }],
    });
    expect(Object.keys(answer.podResults)).toEqual([name]);
  });
});

const pod = (uid: string, name: string, namespace = 'default', node = '') => ({ uid, name, namespace, node });

describe("keys in Goldpinger's maps", () => {
  it('say the namespace where a name is not enough', () => {
    const keys = resultKeys([pod('1', 'a', 'x'), pod('2', 'a', 'y'), pod('3', 'b', 'x')], false);
    expect([...keys.values()].sort()).toEqual(['b', 'x/a', 'y/a']);
  });

  it('are names of nodes on demand, with the pod where two share one', () => {
    const pods = [pod('1', 'a', 'x', 'n1'), pod('2', 'b', 'x', 'n2'), pod('3', 'c', 'x', 'n2'), pod('4', 'd')];
    expect(Object.fromEntries(resultKeys(pods, true))).toEqual({ 1: 'n1', 2: 'n2 (b)', 3: 'n2 (c)', 4: 'd' });
  });

  it('are names of pods, the same for a pod whose two addresses are both targets', () => {
    expect(resultKeys([pod('1', 'a'), pod('1', 'a')], false)).toEqual(new Map([['1', 'a']]));
  });

  it('are never shared, whatever the names, and do not depend on the order', () => {
    const word = fc.constantFrom('', 'a', 'b', 'a/b', 'a (b)', 'a/b 1', '1', '2', '__proto__');
    const pods = fc.uniqueArray(fc.record({ uid: word, name: word, namespace: word, node: word }), {
      selector: ({ uid }) => uid,
    });
    fc.assert(
      fc.property(pods, fc.boolean(), (list, displayNodeName) => {
        const keys = resultKeys(list, displayNodeName);
        expect(keys.size).toBe(list.length);
        expect(new Set(keys.values()).size).toBe(list.length);
        expect(resultKeys([...list].reverse(), displayNodeName)).toEqual(keys);
      }),
    );
  });
});
