import { describe, expect, it, onTestFinished } from 'vitest';
import { AddressPool } from '../../../../../deploy/local/addresses.ts';
import type { ContainerStatus, PodObject } from '../../../../../deploy/local/api/objects.ts';
import { PODS } from '../../../../../deploy/local/api/resources.ts';
import { deleteObject } from '../../../../../deploy/local/api/write.ts';
import { Kubelet, podStatus } from '../../../../../deploy/local/kubelet/kubelet.ts';
import { eventually } from '../../../../support/eventually.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { addPod, containerIn, newStore } from '../pod-store.ts';

const PLACE = { podIP: '127.0.0.7', hostIP: '127.0.0.241' };
const pod = () => addPod(newStore(), 'a', { app: 'x' }) as PodObject;

describe('the status of a pod', () => {
  const running = containerIn({ running: { startedAt: '' } });
  const waiting = containerIn({ waiting: { reason: 'ImagePullBackOff' } });
  const ended = (exitCode: number) =>
    containerIn({ terminated: { exitCode, reason: '', startedAt: '', finishedAt: '' } });

  it.each([
    ['Pending', [waiting], false],
    ['Pending', [running, waiting], false],
    ['Running', [running], false],
    ['Running', [{ ...waiting, lastState: ended(1).state }], false],
    ['Running', [ended(0), running], false],
    ['Succeeded', [ended(0), ended(0)], true],
    ['Failed', [ended(0), ended(1)], true],
  ])('has phase %s', (phase, containers, finished) => {
    expect(podStatus(pod(), PLACE, containers, finished, 0).phase).toBe(phase);
  });

  it('is ready when all its containers are ready, and keeps the time of the change', () => {
    const ready = { ...running, ready: true };
    const readyOf = (of: PodObject, containers: ContainerStatus[], nowMs: number) => {
      const status = podStatus(of, PLACE, containers, false, nowMs);
      return { pod: { ...of, status }, condition: status.conditions?.find(({ type }) => type === 'Ready') };
    };
    const early = readyOf(pod(), [ready], 1000).pod;
    const since = (second: number) => ({ lastTransitionTime: `1970-01-01T00:00:0${second}Z` });
    expect(readyOf(early, [ready], 9000).condition).toEqual({ type: 'Ready', status: 'True', ...since(1) });
    expect(readyOf(early, [ready, running], 9000).condition).toMatchObject({ status: 'False', ...since(9) });
  });
});

/** A kubelet, and a pod on its node. `program`: what its container runs; without one there is no image. */
async function startKubelet({ startDelayMs = 0, program }: { startDelayMs?: number; program?: string[] }) {
  const clock = new FakeClock();
  const store = newStore(1000, () => clock.nowMs());
  const [file = '', ...args] = program ?? [];
  const kubelet = new Kubelet({
    store,
    clock,
    startDelayMs,
    addresses: new AddressPool('127.0.0', 1, async () => ''),
    images: () => (program ? { file, args, env: {}, ignored: [] } : null),
    logFolder: '',
    watchdog: { guard: () => {}, forget: () => {}, stop: async () => {} },
    check: async () => false,
    backoff: { firstMs: 1_000, longestMs: 2_000 },
  });
  onTestFinished(() => kubelet.stop(0));
  const { spec, ...rest } = addPod(store, 'a') as PodObject;
  const { metadata } = store.update(PODS, { ...rest, spec: { ...spec, nodeName: 'n1' } });
  await clock.advance(0);
  const pod = () => store.get(PODS, 'default', 'a') as PodObject | undefined;
  const container = () => pod()?.status.containerStatuses?.[0];
  const lines = () =>
    kubelet
      .logOf(metadata.uid, 'c')
      ?.lines(false)
      .map(({ text }) => text);
  return { clock, store, kubelet, pod, container, lines, reason: () => container()?.state.waiting?.reason };
}

describe('a new pod', () => {
  it('has an address at once, and its containers start after the delay', async () => {
    const { clock, reason, pod: shown } = await startKubelet({ startDelayMs: 2_000 });
    await clock.advance(1_999);
    expect(reason()).toBe('ContainerCreating');
    expect(shown()?.status).toMatchObject({ phase: 'Pending', podIP: '127.0.0.2' });
    await clock.advance(1);
    // The start was tried: there is no image.
    expect(reason()).toBe('ImagePullBackOff');
  });

  it('that is stopped while it waits never starts', async () => {
    const { clock, kubelet, reason } = await startKubelet({ startDelayMs: 2_000 });
    await kubelet.stop(0);
    await clock.advance(10_000);
    expect(reason()).toBe('ContainerCreating');
    expect(clock.pending).toBe(0);
  });

  it.each([['/no/such/program'], ['sh', 'a\0b']])(
    'whose program %j cannot start is tried again',
    async (...program) => {
      const { clock, kubelet, container, lines, reason } = await startKubelet({ program });
      await eventually(() => expect(reason()).toBe('CrashLoopBackOff'));
      expect(lines()).toEqual([expect.stringContaining('cannot start')]);
      expect(container()?.lastState.terminated).toMatchObject({ exitCode: 128, reason: 'Error' });
      await clock.advance(1_000);
      await eventually(() => expect(container()?.state.waiting?.message).toContain('back-off 2000ms'));
      expect(container()?.restartCount).toBe(1);
      await kubelet.stop(30_000);
      expect(clock.pending).toBe(0);
    },
  );
});

it('a container ends with its main process, also if that left a process with the output open', async () => {
  const { container, lines } = await startKubelet({ program: ['sh', '-c', 'sleep 40 & echo up; exit 3'] });
  await eventually(() => expect(container()?.lastState.terminated?.exitCode).toBe(3));
  expect(lines()).toEqual(['up']);
});

describe('a pod that ignores SIGTERM', () => {
  it('is killed at the end of its grace period, which a second deletion shortens but never extends', async () => {
    const program = ['sh', '-c', 'trap "" TERM; echo up; exec sleep 1000'];
    const { clock, store, pod: shown, lines } = await startKubelet({ program });
    await eventually(() => expect(lines()).toEqual(['up']));
    const deleteIn = (graceSeconds: number) => deleteObject(store, PODS, shown() as PodObject, { graceSeconds });
    deleteIn(30);
    await clock.advance(20_000);
    deleteIn(29);
    await clock.advance(8_999);
    expect(shown()?.status.containerStatuses?.[0]?.state).toHaveProperty('running');
    await clock.advance(1);
    await eventually(() => expect(shown()).toBeUndefined());
    expect(clock.pending).toBe(0);
  });
});
