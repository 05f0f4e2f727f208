import { describe, expect, it } from 'vitest';
import type { PodObject } from '../../../../../deploy/local/api/objects.ts';
import { PODS } from '../../../../../deploy/local/api/resources.ts';
import { ageSince, podStatusText, requestedTable, tableOf } from '../../../../../deploy/local/api/table.ts';
import { addPod, containerIn, newStore } from '../pod-store.ts';

const NOW = Date.UTC(2026, 0, 1, 0, 10);

function pod(status: Partial<PodObject['status']> = {}): PodObject {
  const made = addPod(newStore(), 'a') as PodObject;
  return { ...made, status: { ...made.status, ...status } };
}

describe('the age of a thing', () => {
  const [s, m, h, d] = [1000, 60_000, 3_600_000, 86_400_000];
  it.each([
    [-5000, '0s'],
    [119 * s, '119s'],
    [2 * m, '2m'],
    [119 * m, '119m'],
    [2 * h, '2h'],
    [47 * h, '47h'],
    [2 * d, '2d'],
  ])('of %i ms is %s', (ageMs, words) => {
    expect(ageSince(new Date(NOW - ageMs).toISOString(), NOW)).toBe(words);
  });

  it('is unknown without a time', () => {
    expect(ageSince(undefined, NOW)).toBe('<unknown>');
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

it.each([
  ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io', null, 'Metadata'],
  ['application/json;as=Table;v=v1;g=meta.k8s.io', 'Object', 'Object'],
  ['application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', null, null],
  ['application/json', null, null],
  ['*/*', null, null],
])('a client that accepts %s (includeObject %s) gets the table %s', (accept, include, table) => {
  expect(requestedTable(accept, include)).toBe(table);
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
    expect(row?.cells.join('  ')).toBe('a  1/1  Running  2 (30s ago)  10m  127.0.0.2  node-a');
    const { metadata } = one;
    expect(row?.object).toEqual({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });
  });

  it('names its columns once in a watch, and carries whole objects if asked to', () => {
    const whole = pod();
    const more = { metadata: {}, nowMs: NOW, withColumns: false };
    const { columnDefinitions, rows } = tableOf(PODS, [whole], 'Object', more);
    expect(columnDefinitions).toEqual([]);
    expect(rows[0]?.object).toBe(whole);
  });
});
