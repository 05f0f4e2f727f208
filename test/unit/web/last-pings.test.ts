import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { buildPicture } from '../../../web/model/mesh-view.ts';
import { lastPingsInto } from '../../../web/views/details/pod-panel.tsx';
import type { Scenario } from '../../support/feed/plan.ts';
import { meshOf } from '../../support/feed/scenarios.ts';

const pictureOf = (scenario: Scenario) =>
  buildPicture(meshOf({ pods: 8, scenario }), { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' });

describe('the last pings into a pod that has left', () => {
  test('tell who failed to reach it, how and since when', () => {
    const picture = pictureOf('lifecycles');
    const gone = picture.pods.find(({ health }) => health === 'gone')!;
    const pings = lastPingsInto(picture, gone.index);
    expect(pings.length).toBeGreaterThan(2);
    for (const { from, words, isFailed } of pings) {
      expect([from, words, isFailed]).toEqual([from, expect.stringMatching(/^Timed out since \d\d:\d\d:\d\d$/), true]);
    }
    expect(pings.map(({ from }) => from)).not.toContain(gone.name);
  });

  test('tell what was measured of one that answered to the end, failed ones first', () => {
    const picture = pictureOf('dead-pod');
    const dead = picture.pods.find(({ health }) => health === 'failing')!;
    const other = picture.pods.find(({ health }) => health === 'healthy')!;
    expect(lastPingsInto(picture, dead.index).every(({ words }) => words.startsWith('Refused since '))).toBe(true);
    const [first] = lastPingsInto(picture, other.index);
    expect(first?.words).toMatch(/^[\d.]+ (ms|µs) at \d\d:\d\d:\d\d$/);
  });
});
