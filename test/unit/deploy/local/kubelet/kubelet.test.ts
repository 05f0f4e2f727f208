import { describe, expect, it } from 'vitest';
import { AddressPool } from '../../../../../deploy/local/addresses.ts';
import type { ContainerStatus, PodObject } from '../../../../../deploy/local/api/objects.ts';
import { PODS } from '../../../../../deploy/local/api/resources.ts';
import { Kubelet, podStatus } from '../../../../../deploy/local/kubelet/kubelet.ts';
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

describe('a new pod', () => {
  /** A kubelet without images, so that no process runs, and a pod on its node. */
  async function startKubelet(startDelayMs: number) {
    const clock = new FakeClock();
    const store = newStore(1000, () => clock.nowMs());
    const kubelet = new Kubelet({
      store,
      clock,
      startDelayMs,
      addresses: new AddressPool('127.0.0', 1, async () => ''),
      images: () => null,
      logFolder: '',
      watchdog: { guard: () => {}, forget: () => {}, stop: async () => {} },
      check: async () => false,
      backoff: { firstMs: 1_000, longestMs: 1_000 },
    });
    const { spec, ...rest } = addPod(store, 'a') as PodObject;
    store.update(PODS, { ...rest, spec: { ...spec, nodeName: 'n1' } });
    await clock.advance(0);
    const reason = () => {
      const shown = store.get(PODS, 'default', 'a') as PodObject | undefined;
      return shown?.status.containerStatuses?.[0]?.state.waiting?.reason;
    };
    return { clock, kubelet, reason };
  }

  it('has an address at once, and its containers start after the delay', async () => {
    const { clock, kubelet, reason } = await startKubelet(2_000);
    await clock.advance(1_999);
    expect(reason()).toBe('ContainerCreating');
    await clock.advance(1);
    // The start was tried: there is no image.
    expect(reason()).toBe('ImagePullBackOff');
    await kubelet.stop(0);
  });

  it('that is stopped while it waits never starts', async () => {
    const { clock, kubelet, reason } = await startKubelet(2_000);
    await kubelet.stop(0);
    await clock.advance(10_000);
    expect(reason()).toBe('ContainerCreating');
    expect(clock.pending).toBe(0);
  });
});
