import { beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../support/manifest-schema.ts';
import { notesWith, VALUES, withValues } from './rendered-chart.ts';
import { demand, HELM } from './tools.ts';

const find = (objects: Manifest[], kind: string, name = '') =>
  objects.find((object) => object.kind.toLowerCase() === kind && object.metadata.name === name);

beforeAll(() => demand(HELM));

describe("the chart's notes", () => {
  it.each(VALUES)('name objects that the chart has made: %s', (name) => {
    const notes = notesWith(name);
    const objects = withValues(name);
    const [, kind = '', workload] = /kubectl -n net rollout status (\w+)\/(\S+)$/m.exec(notes) ?? [];
    expect(['daemonset', 'deployment']).toContain(kind);
    expect(find(objects, kind, workload)).toBeDefined();
    for (const [, service, local, remote] of notes.matchAll(/port-forward service\/(\S+) (\d+):(\d+)/g)) {
      expect(find(objects, 'service', service)?.spec.ports[0].port).toBe(Number(remote));
      // Ports below 1024 are root's.
      expect(Number(local)).toBeGreaterThan(1023);
      expect(notes).toContain(`http://127.0.0.1:${local}/`);
    }
  });

  it.each([
    ['defaults', ['port-forward service/release-goldpinger 8080:8081', 'http://127.0.0.1:8080/']],
    ['everything', ['rollout status deployment/release-goldpinger', 'port-forward']],
    [
      'goldpinger',
      ['https://goldpinger.example.com/goldpinger/', 'goldpinger.zapConfig and podSecurityPolicy are ignored'],
    ],
    ['gateway', ['http://ADDRESS-OF-THE-INGRESS/net/', 'http://goldpinger.example.com/', 'http://ping.example.com/']],
  ])('say how to reach the page: %s', (name, sentences) => {
    const notes = notesWith(name);
    for (const sentence of sentences) expect(notes).toContain(sentence);
    expect(notes.includes('port-forward')).toBe(!notes.includes('example.com'));
    expect(notes).not.toMatch(/\n\n\n|<no value>|%!/);
  });

  it('warn of pods that are scraped twice, and of a route without a gateway', () => {
    const warned = (...args: string[]) => notesWith('defaults', ...args.flatMap((arg) => ['--set', arg]));
    expect(warned('serviceMonitor.enabled=true', 'podMonitor.enabled=true')).toContain('each pod is scraped twice');
    expect(warned('serviceMonitor.enabled=true')).not.toContain('twice');
    expect(warned('httpRoute.enabled=true')).toContain('no gateway will serve it');
    expect(warned('httpRoute.enabled=true')).toContain('http://ADDRESS-OF-THE-GATEWAY/');
  });
});
