import { describe, expect, test } from 'vitest';
import { widthKey } from '../../../../web/app/summary-bar.tsx';
import type { ExternalTarget } from '../../../../web/model/external-targets.ts';
import type { Picture } from '../../../../web/model/mesh-view.ts';
import { pictureOf } from '../pictures.ts';

const HEALTHY = pictureOf({ pods: 40, scenario: 'healthy' });
const targets = (states: ExternalTarget['state'][], path: ExternalTarget['path'] = null) => {
  return states.map((state) => ({ ...HEALTHY.targets[0]!, path, state }));
};
const keyOf = (change: Partial<Picture>) => widthKey({ ...HEALTHY, ...change }, false);

describe('the summary is fitted again', () => {
  test('when targets or paths come, or the first one fails', () => {
    for (const path of [null, 'dns'] as const) {
      const keys = [[], ['good', 'good'], ['failed', 'good']].map((states) =>
        keyOf({ targets: targets(states as ExternalTarget['state'][], path) }),
      );
      expect(new Set(keys).size).toBe(3);
    }
    expect(keyOf({ targets: targets(['failed', 'good', 'good']) })).toBe(
      keyOf({ targets: targets(['failed', 'failed', 'good']) }),
    );
  });

  test('when the first links fail, and when the worst link fails instead of being slow', () => {
    const [slow, dead] = (['slow-pod', 'dead-pod'] as const).map((scenario) => pictureOf({ pods: 40, scenario }));
    expect(slow!.worst).not.toBeNull();
    expect(widthKey(slow!, false)).toContain('Slowest link');
    expect(widthKey(dead!, false)).toContain('Longest failure,refused');
    const counts = { ...HEALTHY.counts, failed: 3 };
    expect(keyOf({ counts })).not.toBe(keyOf({}));
  });
});
