import { describe, expect, test } from 'vitest';
import type { Lifecycle, Pod } from '../../../server/protocol/pod.ts';
import { recoveryText } from '../../../web/views/details/pod-panel.tsx';
import { meshOf } from '../../support/feed/scenarios.ts';

const [known] = meshOf({ pods: 3, scenario: 'healthy' }).pods;
const pod = (lifecycle: Lifecycle, sinceMs: number): Pod => ({ ...known!, lifecycle, sinceMs });
const after = (ms: number) => recoveryText(pod('gone', 100_400), pod('ready', 100_400 + ms));

describe('the time until a lost pod was replaced', () => {
  test('is rounded to whole seconds, because Kubernetes reports whole seconds', () => {
    expect([-400, 0, 1400, 1600, 9600, 125_000].map(after)).toEqual([
      'within 2 s',
      'within 2 s',
      'within 2 s',
      'after about 2 s',
      'after about 10 s',
      'after about 2 min 5 s',
    ]);
  });

  test('is pending while the successor is not ready', () => {
    expect(recoveryText(pod('gone', 0), pod('starting', 5000))).toBe('pending: starting');
    expect(recoveryText(pod('gone', 0), pod('not-ready', 5000))).toBe('pending: not ready');
  });

  test('is empty while the pod is still there, and after its successor is gone too', () => {
    expect(recoveryText(pod('terminating', 0), pod('ready', 5000))).toBe('');
    expect(recoveryText(pod('gone', 0), pod('gone', 5000))).toBe('');
  });
});
