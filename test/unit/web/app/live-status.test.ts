import { expect, test } from 'vitest';
import { connectionWords } from '../../../../web/app/live-status.tsx';
import { meshOf } from '../../../support/feed/scenarios.ts';

const mesh = { ...meshOf({ pods: 4, scenario: 'healthy' }), ageMs: 500 };
mesh.settings.refreshIntervalMs = 30_000;

const at = (status: 'live' | 'polling' | 'lost', pageMs: number) =>
  connectionWords({ mesh, receivedMs: 0, status, sinceMs: 0, retryMs: 0, reason: '' }, 'picture', pageMs);

test.each([
  ['live', 64_500, { kind: 'live', title: 'Live', age: '' }],
  ['live', 64_501, { kind: 'waiting', title: 'Live', age: 'data 1 min 5 s old' }],
  ['polling', 19_500, { kind: 'waiting', title: 'Polling every 5 s', age: '' }],
  ['polling', 19_501, { kind: 'waiting', title: 'Polling every 5 s', age: 'data 20 s old' }],
  ['lost', 0, { kind: 'lost', title: 'Disconnected', age: 'data 0.5 s old' }],
] as const)('%s after %i ms says how old the data are only when they are late', (status, pageMs, words) => {
  expect(at(status, pageMs)).toEqual(words);
});
