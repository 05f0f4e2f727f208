import { describe, expect, it } from 'vitest';
import type { Lifecycle } from '../../../../server/protocol/pod.ts';
import { podOf } from '../../../support/mesh.ts';
import { experiment, refused, told } from './verdict-scene.ts';

describe('links into a pod', () => {
  const failing = (lifecycle: Lifecycle) => {
    const mesh = experiment((one) => one.each((_, to) => to === 3, refused, true));
    mesh.pods[3] = podOf(3, { name: 'goldpinger-chaos', lifecycle });
    return mesh;
  };

  it.each(['starting', 'terminating'] as const)('that is %s do not count, unless it is named', (lifecycle) => {
    expect(told(failing(lifecycle), ['healthy', 'healthy,to=*'])).toBe('pass');
    expect(told(failing(lifecycle), 'failed,to=goldpinger-chaos')).toBe('pass');
  });

  it('that is gone do not count', () => {
    expect(told(failing('gone'), 'healthy')).toBe('pass');
    expect(told(failing('gone'), 'failed,to=goldpinger-chaos')).toBe('unknown');
  });

  it('that is not ready any more do count: that it hangs must not make it healthy', () => {
    for (const clause of ['healthy', 'healthy,to=*', 'latency<50ms']) {
      expect(told(failing('not-ready'), clause)).toBe('fail');
    }
    const silent = experiment((mesh) => mesh.silence(3));
    silent.pods[3] = podOf(3, { lifecycle: 'not-ready' });
    expect(told(silent, 'healthy')).toBe('unknown');
    const fine = experiment();
    fine.pods[3] = podOf(3, { lifecycle: 'not-ready' });
    expect(told(fine, 'healthy')).toBe('pass');
  });
});
