import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../deploy/local/sockets.ts';
import { Monitor } from '../../server/monitor.ts';
import { Prober } from '../../server/probing/probe.ts';
import type { Pod, Target } from '../../server/protocol/pod.ts';
import { comparePods, nothingKnown } from '../../server/protocol/pod.ts';
import type { Sample } from '../../server/protocol/sample.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { countedPods, podOf } from '../support/mesh.ts';
import { configOf } from '../support/route-context.ts';
import { sampleOf } from '../support/samples.ts';

/** The monitor of a pod with these settings. `idleMs`: for how long the event loop has waited until a moment; by default it is always busy. */
function start(env: Record<string, string>, idleMs = (_nowMs: number) => 0) {
  const clock = new FakeClock();
  const silent = () => {};
  const [ownFaults, samples]: [string[], Sample[]] = [[], []];
  const known = nothingKnown({ namespace: 'default', labelSelector: '' }, clock.nowMs());
  const hooks = {
    discoveryStatus: () => known.status,
    onSample: (_target: Target, sample: Sample) => void samples.push(sample),
    onLinkChange: silent,
    onSpeedChange: silent,
    onLossChange: silent,
    onExternalResult: silent,
    onUdpResult: silent,
    onUdpError: silent,
    onOwnFault: (message: string) => void ownFaults.push(message),
  };
  const deps = { clock, random: () => 0.5, version: '1.2.3', idleMs: () => idleMs(clock.monotonicMs()) };
  const monitor = new Monitor(configOf(env), deps, clock.nowMs(), hooks);
  onTestFinished(() => monitor.stop());
  return { monitor, clock, ownFaults, samples, setPods: (...pods: Pod[]) => monitor.setPods({ ...known, pods }) };
}

/** A peer whose probes end at once, without any network: it has no address in the family that is pinged. */
const PEER = podOf(1, { podIPs: ['fd00::1'] });
/** Five rounds (a second with its jitter and the ping's timeout) and ten seconds. */
const LONGEST_MS = 5 * 1_350 + 10_000;

it('a pod with targets is not alive once no ping has ended for long, and alive again with the next ping that ends', async () => {
  const { monitor, clock, setPods } = start({ REFRESH_INTERVAL: '1' });
  // An hour without targets is no failure, and does not count once the first target comes.
  clock.freeze(3_600_000);
  expect(monitor.livenessFailure()).toBe('');
  setPods(PEER);
  clock.freeze(LONGEST_MS);
  expect(monitor.livenessFailure()).toBe('');
  clock.freeze(1);
  expect(monitor.livenessFailure()).toBe('no ping has ended for 17 s');
  await clock.advance(2_000);
  expect(monitor.livenessFailure()).toBe('');
  clock.freeze(3_600_000);
  setPods();
  expect(monitor.livenessFailure()).toBe('');
  // With REFRESH_INTERVAL=0 it pings nobody.
  const silent = start({ REFRESH_INTERVAL: '0' });
  silent.setPods(PEER);
  silent.clock.freeze(3_600_000);
  expect(silent.monitor.livenessFailure()).toBe('');
});

it('a pod whose machine was paused is alive: the pause does not count', async () => {
  const { monitor, clock, setPods } = start({ REFRESH_INTERVAL: '1' });
  const ends: (() => void)[] = [];
  const probing = vi.spyOn(Prober.prototype, 'probe').mockImplementation((_, onEnd) => {
    ends.push(() => onEnd(sampleOf()));
  });
  onTestFinished(() => probing.mockRestore());
  setPods(PEER);
  await clock.advance(5_000);
  clock.freeze(3_600_000);
  await clock.advance(1_000);
  expect(monitor.livenessFailure()).toBe('');
  await clock.advance(LONGEST_MS);
  expect(monitor.livenessFailure()).toMatch(/^no ping has ended for 2\d s$/);
  for (const end of ends) end();
});

it('a report of the past says whether the process stood still at its end', async () => {
  const { monitor, clock } = start({ REFRESH_INTERVAL: '0' });
  const stoodStill = async (agoMs: number) =>
    (await monitor.reportOf({ fromAgeMs: agoMs + 1_000, toAgeMs: agoMs })).past?.stoodStill ?? false;
  await clock.advance(5_000);
  clock.freeze(8_000);
  await clock.advance(60_000);
  expect(await Promise.all([69_000, 66_900, 60_100, 59_900, 0].map(stoodStill))).toEqual([
    false,
    true,
    true,
    false,
    false,
  ]);
  // Nor did it when it was late by less than a call of another pod takes.
  clock.freeze(1_900);
  await clock.advance(5_000);
  expect(await Promise.all([6_800, 5_800, 5_100].map(stoodStill))).toEqual([false, false, false]);
});

it('reports of now and of the past say when the process was starved, for as long as results of then may stand for links', async () => {
  const { monitor, clock } = start({ REFRESH_INTERVAL: '30' }, (nowMs) => nowMs);
  await clock.advance(20_000);
  clock.freeze(4_000);
  await clock.advance(26_000);
  const timesAt = async (agoMs: number) => {
    const { starvation } = await monitor.reportOf({ fromAgeMs: agoMs + 1_000, toAgeMs: agoMs });
    return starvation.times;
  };
  expect((await monitor.report(0)).starvation).toMatchObject({ loopDelayP99Us: 0, times: [[30_000, 26_000]] });
  expect(await timesAt(20_000)).toEqual([[10_000, 6_000]]);
  expect(await timesAt(31_000)).toEqual([]);
  await clock.advance(60_000);
  expect((await monitor.report(0)).starvation.times).toEqual([]);
});

it('a report of now says so for as long as the last results of external probes are kept, also without pings', async () => {
  const { monitor, clock } = start({ REFRESH_INTERVAL: '0', HTTP_TARGETS_TIMEOUT: '5s' }, (nowMs) => nowMs);
  await clock.advance(20_000);
  clock.freeze(4_000);
  await clock.advance(39_000);
  expect((await monitor.report(0)).starvation.times).toEqual([[43_000, 39_000]]);
  await clock.advance(2_000);
  expect((await monitor.report(0)).starvation.times).toEqual([]);
});

it('a pod that ends does not wait for pings without an answer, and counts none of them as failed', async () => {
  const server = createServer();
  const port = await listen(server, '127.0.0.1', 0);
  onTestFinished(() => void server.close());
  const { monitor, clock, samples, setPods } = start({
    REFRESH_INTERVAL: '1',
    PING_TIMEOUT: '60s',
    CLIENT_PORT_OVERRIDE: String(port),
  });
  const connected = once(server, 'connection');
  const [target] = setPods(podOf(1, { podIPs: ['127.0.0.1'] }));
  await clock.advance(1_500);
  const [socket] = (await connected) as [Socket];
  const closed = once(socket.resume(), 'close');
  await monitor.stop();
  await closed;
  expect([samples, monitor.isUp(target!), clock.pending]).toEqual([[], null, 0]);
});

it('one change among many pods is no reason to look at all of them: with 6000 pods that takes 30 ms in one block', () => {
  const { setPods } = start({ REFRESH_INTERVAL: '30', POD_NAME: 'pod-7' });
  const { pods, watched, reads } = countedPods(500);
  setPods(...pods.sort(comparePods));
  const before = reads();
  expect(setPods(...pods.toSpliced(250, 1, watched({ ...pods[250]!, lifecycle: 'gone' })))).toHaveLength(499);
  expect(reads() - before).toBeLessThan(200);
});

it('pods are named by the present list: with their namespace while another one has the same name', () => {
  const { monitor, setPods } = start({});
  const [one, other] = [podOf(1), podOf(1, { uid: 'other', namespace: 'b' })];
  setPods(one);
  expect(monitor.nameOf(one)).toBe('pod-1');
  setPods(one, other);
  expect([one, other].map(monitor.nameOf)).toEqual(['default/pod-1', 'b/pod-1']);
  setPods(one);
  expect(monitor.nameOf(one)).toBe('pod-1');
});

it('what our own process lacks fails no link: it makes the own report unreliable', async () => {
  const { monitor, clock, ownFaults, samples, setPods } = start({ REFRESH_INTERVAL: '1' });
  const lacking = sampleOf({ outcome: 'unreachable', suspect: true, ownFault: 'too many open files' });
  const probing = vi.spyOn(Prober.prototype, 'probe').mockImplementation((_, onEnd) => onEnd(lacking));
  onTestFinished(() => probing.mockRestore());
  const targets = setPods(podOf(1), podOf(2));
  await clock.advance(20_000);
  expect(ownFaults.length).toBeGreaterThan(30);
  expect([samples, targets.map((target) => monitor.isUp(target))]).toEqual([[], [null, null]]);
  expect(monitor.starvation.reliability.unreliable).toBe(true);
  expect(monitor.livenessFailure()).toBe('');
});
