import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mergedReportOfCheck } from '../../../server/peers/goldpinger-report.ts';
import { PodIndex } from '../../../server/peers/pod-index.ts';
import { parseGoldpingerCheck } from '../../../server/protocol/goldpinger.ts';
import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { NOW_MS, podOf } from '../../support/mesh.ts';

const FOLDER = new URL('../../fixtures/goldpinger/', import.meta.url);
const goPod = (n: number, change: Partial<Pod> = {}) =>
  podOf(n, { name: `goldpinger-00${n}`, podIPs: [`127.0.1.${n}`], node: `node-00${n}`, ...change });
const three = [goPod(1), goPod(2), goPod(3)];

function reportOf(wire: unknown, pods: readonly Pod[], atMs = NOW_MS, pingNumber = 0) {
  const index = new PodIndex(pods, NOW_MS, 45_000);
  return mergedReportOfCheck(parseGoldpingerCheck(wire), { pod: 0, atMs, fetchUs: 1 }, index, pingNumber);
}

const recorded = (name: string) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'));

describe("Goldpinger's /check as a report", () => {
  it('has its recorded links with their ends, times and ages', () => {
    const report = reportOf(recorded('one-down-check.json'), three, Date.parse('2026-11-22T14:58:52.957Z'));
    expect(report.via).toBe('check');
    expect([...report.links.to]).toEqual([0, 1, 2]);
    expect([0, 1, 2].map((i) => outcomeOf(report.links, i))).toEqual(['ok', 'ok', 'refused']);
    expect(phaseOf(report.links, 2)).toBe('connect');
    expect(unpack16(report.links.ageMs[0] ?? 0)).toBe(1_000);
    expect([...report.links.totalUs]).toEqual([0, 0, 1_000]);
    expect(report.links.connectUs[0]).toBe(NONE16);
    expect(report.details).toEqual([[2, expect.stringContaining('connection refused')]]);
    expect(report.bootTimeMs).toBe(Date.parse('2026-11-22T14:58:43.065Z'));
    expect(report.samePeers).toBe(true);
  });

  it('has its external probes', () => {
    const { probes } = reportOf(recorded('check-probes.json'), three.slice(0, 2));
    expect(probes).toHaveLength(8);
    expect(probes.find((probe) => probe.target === 'nope.invalid')).toMatchObject({
      protocol: 'dns',
      error: 'nope.invalid was resolved to 0 ips',
    });
  });

  it('finds pods by node name, and by IP where a name does not decide', () => {
    const twins = [goPod(1, { name: 'same', namespace: 'a' }), goPod(2, { name: 'same', namespace: 'b' }), goPod(3)];
    const podResults = {
      same: { OK: true, PodIP: '127.0.1.2' },
      'node-003': { OK: true, PodIP: '127.0.1.3' },
      'a/same': { OK: true, PodIP: '127.0.1.1' },
    };
    expect([...reportOf({ podResults }, twins).links.to]).toEqual([1, 2, 0]);
  });

  it('gives a result to no pod rather than to the wrong one', () => {
    const linksTo = (pods: readonly Pod[], key: string, PodIP: string) => [
      ...reportOf({ podResults: { [key]: { OK: false, PodIP } } }, pods).links.to,
    ];
    const twins = [goPod(1, { name: 'same', namespace: 'a' }), goPod(2, { name: 'same', namespace: 'b' }), goPod(3)];
    expect(linksTo(twins, 'same', '')).toEqual([]);
    expect(linksTo(twins, 'same', '127.0.1.9')).toEqual([]);
    // Another pod has the IP of the pod that is gone.
    const left = goPod(2, { lifecycle: 'gone', podIPs: ['127.0.1.3'] });
    expect(linksTo([goPod(1), left, goPod(3)], left.name, '127.0.1.3')).toEqual([1]);
  });

  it('finds a pod by its name that was added as gone', () => {
    const index = new PodIndex([goPod(1)], NOW_MS, 45_000);
    index.add(goPod(2, { lifecycle: 'gone' }));
    expect(index.ofKey('goldpinger-002', '')).toBe(1);
    expect(index.ofKey('node-002', '127.0.1.2')).toBe(-1);
  });

  it('does not know the same peers if it names a stranger or lacks a settled pod', () => {
    const ok = { OK: true };
    const names = (...list: string[]) => ({ podResults: Object.fromEntries(list.map((name) => [name, ok])) });
    expect(reportOf(names('goldpinger-001', 'goldpinger-002', 'other'), three.slice(0, 2)).samePeers).toBe(false);
    expect(reportOf(names('goldpinger-001', 'goldpinger-002'), three).samePeers).toBe(false);
    const justReady = [...three.slice(0, 2), goPod(3, { sinceMs: NOW_MS - 1_000 })];
    expect(reportOf(names('goldpinger-001', 'goldpinger-002'), justReady).samePeers).toBe(true);
    expect(reportOf(names('goldpinger-001', 'goldpinger-002'), three, NOW_MS, 2).samePeers).toBe(true);
  });

  it('takes a clock that is ahead for no age, and one far behind for an hour', () => {
    const at = (PingTime: string) => reportOf({ podResults: { 'goldpinger-001': { OK: true, PingTime } } }, three);
    expect(unpack16(at('2030-01-01T00:00:00.000Z').links.ageMs[0] ?? 0)).toBe(0);
    expect(unpack16(at('2001-01-01T00:00:00.000Z').links.ageMs[0] ?? 0)).toBeCloseTo(3_600_000, -3);
    expect(at('yesterday').links.ageMs[0]).toBe(NONE16);
  });
});
