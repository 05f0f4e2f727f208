import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { joinedAfter, RemovedPodPanel } from '../../../../../web/views/details/removed-pod-panel.tsx';
import { pictureOf } from '../../pictures.ts';

describe('the panel of a pod that is not in the viewed picture', () => {
  const live = pictureOf({ pods: 4, scenario: 'healthy' });
  const momentMs = live.mesh.atMs - 60_000;
  const viewed = pictureOf({ pods: 3, scenario: 'healthy' }, (mesh) => {
    mesh.past = { fromMs: momentMs - 5000, toMs: momentMs, resolutionMs: 5000 };
  });
  const panel = (createdMs: number, isPast = true) => {
    const pods = live.mesh.pods.map((pod) => ({ ...pod, uid: `later-${pod.uid}`, createdMs }));
    const picture = isPast ? viewed : live;
    const nowMs = isPast ? momentMs : live.mesh.atMs;
    const props = { picture, liveMesh: { ...live.mesh, pods }, nowMs, onSelect: () => {} };
    const shown = renderToStaticMarkup(createElement(RemovedPodPanel, { uid: pods[0]!.uid, props }));
    return shown.replace(/<[^>]+>/g, ' ');
  };

  test('says that it did not exist yet at a past moment, if it exists now', () => {
    expect(panel(momentMs + 10_000)).toMatch(/goldpinger-001 did not exist yet +It joined at \d\d:\d\d:\d\d\./);
    expect(panel(momentMs - 10_000)).toContain('goldpinger-001 is not in this picture');
  });

  test('says that it is gone if it is in no list of now', () => {
    expect(panel(momentMs, false)).toContain('no longer exists');
  });

  test('knows from its events that it came and went after the moment', () => {
    const [seen, gone] = [
      { kind: 'pod-seen', atMs: 100 },
      { kind: 'pod-gone', atMs: 200 },
    ] as const;
    expect(joinedAfter([seen, gone], 50)).toBe(100);
    expect(joinedAfter([seen, gone], 150)).toBeNull();
    expect(joinedAfter([gone], 50)).toBeNull();
    expect(joinedAfter([], 50)).toBeNull();
  });
});
