import { describe, expect, it } from 'vitest';
import { ownHealthOf } from '../../../server/peers/own-health.ts';
import type { Lifecycle } from '../../../server/protocol/pod.ts';
import type { Outcome } from '../../../server/protocol/sample.ts';
import { podOf, statusOf } from '../../support/mesh.ts';

const synced = statusOf();

const pod = (uid: string, hostIP: string, lifecycle: Lifecycle = 'ready') =>
  podOf(0, { uid, hostIPs: [hostIP], lifecycle });

const link = (uid: string, outcome: Outcome | null) => ({ uid, outcome });

describe('health as one pod sees it', () => {
  it('is healthy when every probed ready pod answers', () => {
    const pods = [pod('a', '1'), pod('b', '2'), pod('c', '3')];
    expect(ownHealthOf(pods, synced, [link('a', 'ok'), link('b', 'ok'), link('c', null)])).toEqual({
      isHealthy: true,
      healthyNodes: 2,
      unhealthyNodes: 0,
    });
  });

  it('counts a node as unhealthy if one of its pods fails, whichever comes first', () => {
    const pods = [pod('a', '1'), pod('b', '1'), pod('c', '2')];
    for (const links of [
      [link('a', 'ok'), link('b', 'refused'), link('c', 'ok')],
      [link('b', 'refused'), link('a', 'ok'), link('c', 'ok')],
    ]) {
      expect(ownHealthOf(pods, synced, links)).toEqual({ isHealthy: false, healthyNodes: 1, unhealthyNodes: 1 });
    }
  });

  it.each<Lifecycle>(['starting', 'terminating', 'gone'])('leaves a %s pod out of it', (lifecycle) => {
    const pods = [pod('a', '1'), pod('b', '2', lifecycle)];
    expect(ownHealthOf(pods, synced, [link('a', 'ok'), link('b', 'timeout')]).isHealthy).toBe(true);
  });

  it('counts a pod that was ready and is not any more while it does not answer', () => {
    const pods = [pod('a', '1'), pod('b', '2', 'not-ready')];
    const withLink = (outcome: Outcome) => ownHealthOf(pods, synced, [link('a', 'ok'), link('b', outcome)]);
    expect(withLink('timeout')).toEqual({ isHealthy: false, healthyNodes: 1, unhealthyNodes: 1 });
    expect(withLink('ok')).toEqual({ isHealthy: true, healthyNodes: 1, unhealthyNodes: 0 });
  });

  it('is not healthy with nobody to judge by, or without a current list', () => {
    expect(ownHealthOf([], synced, []).isHealthy).toBe(false);
    const pods = [pod('a', '1')];
    for (const phase of ['waiting', 'stale'] as const) {
      expect(ownHealthOf(pods, { ...synced, phase }, [link('a', 'ok')]).isHealthy).toBe(false);
    }
  });
});
