import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PodObject } from '../../../../../deploy/local/api/objects.ts';
import { PODS, RESOURCES } from '../../../../../deploy/local/api/resources.ts';
import {
  ageSince,
  humanDuration,
  podStatusText,
  requestedTable,
  tableOf,
} from '../../../../../deploy/local/api/table.ts';
import { addPod, containerIn, newStore } from '../pod-store.ts';

const NOW = Date.UTC(2026, 0, 1, 0, 10);

function pod(status: Partial<PodObject['status']> = {}): PodObject {
  const made = addPod(newStore(), 'a') as PodObject;
  return { ...made, status: { ...made.status, ...status } };
}

describe('the age of a thing', () => {
  const [s, m, h, d] = [1000, 60_000, 3_600_000, 86_400_000];
  it.each([
    [0, '0s'],
    [-1500, '0s'],
    [-5000, '<invalid>'],
    [119 * s, '119s'],
    [2 * m, '2m'],
    [5 * m + 7 * s, '5m7s'],
    [10 * m + 7 * s, '10m'],
    [179 * m, '179m'],
    [3 * h + 20 * m, '3h20m'],
    [8 * h + 20 * m, '8h'],
    [47 * h, '47h'],
    [2 * d + 5 * h, '2d5h'],
    [8 * d + 5 * h, '8d'],
    [729 * d, '729d'],
    [3 * 365 * d, '3y'],
    [3 * 365 * d + 9 * d, '3y9d'],
    [9 * 365 * d, '9y'],
  ])('of %i ms is %s', (spanMs, words) => {
    expect(humanDuration(spanMs)).toBe(words);
  });

  it('is unknown without a time', () => {
    expect(ageSince(undefined, NOW)).toBe('<unknown>');
  });

  it('never takes more than eight characters', () => {
    fc.assert(fc.property(fc.nat(50 * 365 * d), (spanMs) => humanDuration(spanMs).length <= 8));
  });
});

describe('STATUS of a pod', () => {
  const running = containerIn({ running: { startedAt: '' } });
  const waiting = (reason: string) => containerIn({ waiting: { reason } });
  const failed = containerIn({ terminated: { exitCode: 1, reason: 'Error', startedAt: '', finishedAt: '' } });
  it.each([
    ['Pending', pod()],
    ['ContainerCreating', pod({ containerStatuses: [waiting('ContainerCreating')] })],
    ['Running', pod({ phase: 'Running', containerStatuses: [running] })],
    ['CrashLoopBackOff', pod({ phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff')] })],
    ['ImagePullBackOff', pod({ containerStatuses: [running, waiting('ImagePullBackOff')] })],
    ['Error', pod({ phase: 'Failed', containerStatuses: [failed] })],
  ])('is %s', (word, of) => {
    expect(podStatusText(of)).toBe(word);
  });

  it('is Terminating while the pod is being deleted, whatever its containers do', () => {
    const going = pod({ phase: 'Running' });
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(podStatusText(going)).toBe('Terminating');
  });
});

describe('what a client accepts', () => {
  const kubectl =
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
  it.each([
    [kubectl, null, 'Metadata'],
    [kubectl, 'Object', 'Object'],
    [kubectl, 'None', 'None'],
    ['application/json, application/json;as=Table;v=v1;g=meta.k8s.io', null, null],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', null, null],
    ['application/vnd.kubernetes.protobuf,application/json', null, null],
    ['*/*', null, null],
    ['', null, null],
  ])('%s (includeObject %s): table %s', (accept, include, table) => {
    expect(requestedTable(accept, include)).toBe(table);
  });
});

describe('a table', () => {
  it('shows a pod as kubectl get pods does, and marks the wide columns', () => {
    const ended = { exitCode: 1, reason: 'Error', startedAt: '', finishedAt: '2026-01-01T00:09:30Z' };
    const running = containerIn(
      { running: { startedAt: '' } },
      { ready: true, restartCount: 2, lastState: { terminated: ended } },
    );
    const one = pod({ phase: 'Running', podIP: '127.0.0.2', containerStatuses: [running] });
    one.spec.nodeName = 'node-a';
    const table = tableOf(PODS, [one], 'Metadata', { metadata: {}, nowMs: NOW });
    const narrow = table.columnDefinitions.filter((column) => column.priority === 0).map((column) => column.name);
    expect(narrow).toEqual(['Name', 'Ready', 'Status', 'Restarts', 'Age']);
    const [row] = table.rows;
    expect(row?.cells.join('  ')).toBe('a  1/1  Running  2 (30s ago)  10m  127.0.0.2  node-a  <none>  <none>');
    const { metadata } = one;
    expect(row?.object).toEqual({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });
  });

  it('names its columns once in a watch, and carries objects only if asked to', () => {
    const more = { metadata: {}, nowMs: NOW };
    expect(tableOf(PODS, [pod()], 'None', { ...more, withColumns: false }).columnDefinitions).toEqual([]);
    expect(tableOf(PODS, [pod()], 'None', more).rows[0]).not.toHaveProperty('object');
    const whole = pod();
    expect(tableOf(PODS, [whole], 'Object', more).rows[0]?.object).toBe(whole);
  });

  it.each(
    RESOURCES.filter((one) => !['pods', 'deployments', 'replicasets', 'daemonsets', 'services'].includes(one.plural)),
  )('of $plural stands an object with nothing but metadata', (resource) => {
    const { rows, columnDefinitions } = tableOf(resource, [{ ...pod(), spec: {}, status: {} }], 'None', {
      metadata: {},
      nowMs: NOW,
    });
    expect(rows[0]?.cells).toHaveLength(columnDefinitions.length);
  });
});
