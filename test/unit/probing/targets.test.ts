import { describe, expect, it } from 'vitest';
import { findSelf, TargetList } from '../../../server/probing/targets.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { podOf } from '../../support/samples.ts';

const pod = (uid: string, more: Partial<Pod> = {}) =>
  podOf(uid, { node: `node-${uid}`, hostIPs: [`192.168.0.${uid}`], ...more });

const OPTIONS = {
  families: [4] as (4 | 6)[],
  useHostIP: false,
  allowLoopback: false,
  clientPort: 8080,
  pingNumber: 0,
  selfUid: '1',
};

const targetsOf = (pods: Pod[], options: typeof OPTIONS) => new TargetList().update(pods, options);

describe('targets', () => {
  it('are all pods with an address, our own pod included', () => {
    expect(targetsOf([pod('1'), pod('2')], OPTIONS)).toEqual([
      expect.objectContaining({ id: '1/4', address: '10.0.0.1', podIP: '10.0.0.1', hostIP: '192.168.0.1', port: 8080 }),
      expect.objectContaining({ id: '2/4', address: '10.0.0.2', name: 'pod-2', node: 'node-2', family: 4 }),
    ]);
  });

  it('stay the same objects while their pods do', () => {
    const list = new TargetList();
    const options = { ...OPTIONS, families: [4, 6] as (4 | 6)[] };
    const [one, two, three] = [pod('1'), pod('2', { podIPs: ['10.0.0.2', 'fd00::2'] }), pod('3')];
    const before = list.update([one, two, three], options);
    const after = list.update([one, { ...two, podIPs: ['10.0.0.9'] }, three], options);
    expect(before.map(({ id }) => id)).toEqual(['1/4', '2/4', '2/6', '3/4']);
    expect([after[0], after[1]?.address, after[2]]).toEqual([before[0], '10.0.0.9', before[3]]);
    expect([after[0] === before[0], after[2] === before[3]]).toEqual([true, true]);
    const last = list.update([one, { ...two, lifecycle: 'gone' }, three], options);
    expect(last).toEqual([before[0], before[3]]);
  });

  it.each<[is: string, count: number, change: Partial<Pod>]>([
    ['ready', 1, { lifecycle: 'ready' }],
    ['not ready', 1, { lifecycle: 'not-ready' }],
    ['terminating', 1, { lifecycle: 'terminating' }],
    ['gone', 0, { lifecycle: 'gone' }],
    ['without any address', 0, { podIPs: [] }],
    ['starting: it does not listen yet', 0, { lifecycle: 'starting' }],
  ])('of a pod that is %s are %i', (_, count, change) => {
    expect(targetsOf([pod('2', change)], OPTIONS)).toHaveLength(count);
  });

  it('are chosen among starting pods too, so that a pod that becomes ready changes no other link', () => {
    const pods = ['1', '2', '3', '4', '5', '6'].map((uid) => pod(uid));
    const options = { ...OPTIONS, pingNumber: 2 };
    const before = targetsOf(pods, options).map(({ uid }) => uid);
    const starting = pods.map((each) => (each.uid === before[0] ? { ...each, lifecycle: 'starting' as const } : each));
    expect(targetsOf(starting, options).map(({ uid }) => uid)).toEqual(before.slice(1));
  });

  it('go to the host with USE_HOST_IP', () => {
    const [target] = targetsOf([pod('2')], { ...OPTIONS, useHostIP: true });
    expect(target).toMatchObject({ address: '192.168.0.2', podIP: '10.0.0.2', hostIP: '192.168.0.2' });
  });

  it('are one for each family in which the pod has an address', () => {
    const dual = pod('2', { podIPs: ['10.0.0.2', 'fd00::2'], hostIPs: ['fd01::2', '192.168.0.2'] });
    const targets = targetsOf([dual, pod('3')], { ...OPTIONS, families: [4, 6] });
    expect(targets.map(({ id, address, hostIP }) => [id, address, hostIP])).toEqual([
      ['2/4', '10.0.0.2', '192.168.0.2'],
      ['2/6', 'fd00::2', 'fd01::2'],
      ['3/4', '10.0.0.3', '192.168.0.3'],
    ]);
  });

  it('have an empty address where the pod has one, but in none of the wanted families', () => {
    const [target, ...others] = targetsOf([pod('2', { podIPs: ['fd00::2'] })], OPTIONS);
    expect(target).toMatchObject({ id: '2/4', address: '', podIP: 'fd00::2' });
    expect([target?.whyNoAddress, others]).toEqual(['has no IPv4 address, only fd00::2', []]);
  });

  it('are as many pods as PING_NUMBER says, in all their families', () => {
    const pods = ['1', '2', '3', '4'].map((uid) => pod(uid, { podIPs: [`10.0.0.${uid}`, `fd00::${uid}`] }));
    const targets = targetsOf(pods, { ...OPTIONS, families: [4, 6], pingNumber: 2 });
    expect(targets).toHaveLength(4);
    expect(new Set(targets.map((target) => target.uid)).size).toBe(2);
    expect(targets.some((target) => target.uid === '1')).toBe(false);
  });
});

describe('our own pod', () => {
  const UNKNOWN = { podName: '', namespace: '', podIP: '', hostname: '', localAddresses: [] };
  const pods = [pod('1'), pod('2'), pod('3', { namespace: 'other', name: 'pod-2', podIPs: ['10.0.0.2', 'fd00::3'] })];
  pods.push(pod('4', { podIPs: [] }));

  it.each([
    ['by name, where it is the only one', { podName: 'pod-1' }, '1'],
    ['by name and namespace', { podName: 'pod-2', namespace: 'other' }, '3'],
    ['not by a name that two have', { podName: 'pod-2' }, ''],
    ['by IP', { podIP: '10.0.0.1' }, '1'],
    ['by name before IP', { podName: 'pod-1', podIP: 'fd00::3' }, '1'],
    ['by IP where the name is not in the list', { podName: 'pod-9', podIP: 'fd00::3' }, '3'],
    ['by a host name that is a pod name', { hostname: 'pod-1' }, '1'],
    ['by an address of the machine', { localAddresses: ['172.17.0.1', 'fd00::3'] }, '3'],
    ['by a host name that is the name of a node with one pod', { hostname: 'node-2' }, '2'],
    ['not by node where it has another name', { podName: 'pod-9', hostname: 'node-2' }, ''],
    ['not by node where it has another address', { podIP: '10.0.0.9', hostname: 'node-2' }, ''],
    ['by node while it has no address yet', { podIP: '10.0.0.9', hostname: 'node-4' }, '4'],
    ['not at all without facts', {}, ''],
  ])('is found %s', (_what, facts, uid) => {
    expect(findSelf(pods, { ...UNKNOWN, ...facts })).toBe(uid);
  });

  it('is never a pod that is gone', () => {
    expect(findSelf([pod('1', { lifecycle: 'gone' })], { ...UNKNOWN, podName: 'pod-1' })).toBe('');
  });
});
