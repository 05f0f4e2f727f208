import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DiscoveryFault } from '../../../server/protocol/pod.ts';
import type { KubeFault } from '../../support/kube-faults.ts';
import { discoveryOfFile, phase, until } from './discovery-scene.ts';

const api = discoveryOfFile();
const { start, synced, watching, putReady } = api;

const FAULTS: [KubeFault, DiscoveryFault][] = [
  ['refuse', 'refused'],
  ['reset', 'reset'],
  ['hung', 'timeout'],
  ['drip', 'timeout'],
  ['malformed', 'malformed'],
  ['html', 'malformed'],
  ['redirect', 'malformed'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [503, 'server-error'],
];

/** The list of pods is old soon after a fault. */
const SOON_OLD = { unheardMs: 200, watchLifetimeMs: 60, watchSlackMs: 20 };
/** Short timeouts for the faults that end by one. For the others, a pause of the machine would be a second fault. */
const timingFor = (expected: DiscoveryFault) =>
  expected === 'timeout' ? { ...SOON_OLD, requestTimeoutMs: 100 } : SOON_OLD;

describe('when the API server fails', () => {
  test.each(FAULTS)('%s, it says why, keeps its pods, and recovers by itself', async (fault, expected) => {
    putReady('a', 'b');
    await api.stub.break(fault);
    const discovery = start({}, timingFor(expected));
    await until(() => expect(discovery.snapshot().status.attempts).toBeGreaterThan(1));
    expect(discovery.snapshot()).toMatchObject({
      pods: [],
      status: { phase: 'waiting', lastGoodMs: 0, lastError: { fault: expected, message: expect.stringMatching(/./) } },
    });
    expect(new Set(discovery.faults)).toEqual(new Set([expected]));
    expect(discovery.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    await api.stub.heal();
    await watching(discovery);
    expect(discovery.snapshot().status).toMatchObject({ attempts: 0, nextAttemptMs: 0, lastError: null });
    const { lastGoodMs } = discovery.snapshot().status;
    await api.stub.break(fault);
    await until(() => expect(phase(discovery)).toBe('stale'));
    expect(discovery.stages()).toEqual(['a ready', 'b ready']);
    const { status } = discovery.changes.at(-1) ?? discovery.snapshot();
    expect(status).toMatchObject({ phase: 'stale', lastError: { fault: expected } });
    expect(status.sinceMs).toBeGreaterThanOrEqual(lastGoodMs);
    api.stub.deletePod('b');
    putReady('c');
    await api.stub.heal();
    await until(() => expect(discovery.stages()).toEqual(['a ready', 'b gone', 'c ready']));
    expect(phase(discovery)).toBe('synced');
  });

  test.each<[KubeFault, string]>([
    ['refuse', 'does not run again'],
    ['reset', 'does not run again'],
    [503, 'does not run again'],
    [401, 'runs again'],
    ['redirect', 'runs again'],
  ])('%s: a credential plugin without an expiry %s', async (fault, expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'faults-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [command, runs] = [join(folder, 'plugin'), join(folder, 'runs')];
    const apiVersion = 'client.authentication.k8s.io/v1';
    const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: 'secret' } });
    writeFileSync(command, `#!/bin/sh\nprintf x >> '${runs}'\necho '${credential}'\n`, { mode: 0o755 });
    const user = { exec: { apiVersion, interactiveMode: 'Never', command } };
    const discovery = start({ kubeconfig: api.stub.writeKubeconfig(join(folder, 'config'), { user }) });
    await watching(discovery);
    const countRuns = () => readFileSync(runs, 'utf8').length;
    expect(countRuns()).toBe(1);
    await api.stub.break(fault);
    await until(() => expect(discovery.faults.length).toBeGreaterThan(3));
    await api.stub.heal();
    await watching(discovery);
    if (expected === 'runs again') expect(countRuns()).toBeGreaterThan(1);
    else expect(countRuns()).toBe(1);
  });

  test('every failed list counts as one request and one fault', async () => {
    await api.stub.break(500);
    const discovery = start();
    await until(() => expect(discovery.faults.length).toBeGreaterThan(3));
    await discovery.stop();
    expect(discovery.requests).toHaveLength(discovery.faults.length);
  });

  test('a suddenly empty list is believed only after it was confirmed', async () => {
    const discovery = await synced(['a'], { refreshIntervalMs: 150 });
    await api.stub.break('empty');
    api.stub.compact();
    await until(() => expect(discovery.snapshot().status.lastError?.fault).toBe('suspicious-empty'));
    expect(discovery.stages()).toEqual(['a ready']);
    await until(() => expect(discovery.stages()).toEqual(['a gone']));
    expect(phase(discovery)).toBe('synced');
    expect(discovery.faults.length).toBeGreaterThanOrEqual(2);
  });
});
