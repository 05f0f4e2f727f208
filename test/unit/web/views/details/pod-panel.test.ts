import { range } from 'd3';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import type { MergedReport } from '../../../../../server/protocol/mesh.ts';
import type { Lifecycle } from '../../../../../server/protocol/pod.ts';
import type { ViewProps } from '../../../../../web/components/view-props.ts';
import { lastPingsInto, PodLinks, PodProbes, recoveryText } from '../../../../../web/views/details/pod-panel.tsx';
import { podOf } from '../../../../support/mesh.ts';
import { pictureOf } from '../../pictures.ts';

describe('the last pings into a pod that has left', () => {
  test('tell who failed to reach it, how and since when', () => {
    const picture = pictureOf({ pods: 8, scenario: 'lifecycles' });
    const gone = picture.pods.find(({ health }) => health === 'gone')!;
    const pings = lastPingsInto(picture, gone.index);
    expect(pings.length).toBeGreaterThan(2);
    for (const { words, tone } of pings) {
      expect([words, tone]).toEqual([expect.stringMatching(/^Timed out since \d\d:\d\d:\d\d$/), 'failed']);
    }
    expect(pings.map(({ name }) => name)).not.toContain(gone.name);
  });

  test('tell what was measured of one that answered to the end', () => {
    const picture = pictureOf({ pods: 8, scenario: 'dead-pod' });
    const dead = picture.pods.find(({ health }) => health === 'failing')!;
    const other = picture.pods.find(({ health }) => health === 'healthy')!;
    expect(lastPingsInto(picture, dead.index).every(({ words }) => words.startsWith('Refused since '))).toBe(true);
    const [first] = lastPingsInto(picture, other.index);
    expect(first?.words).toMatch(/^[\d.]+ (ms|µs) at \d\d:\d\d:\d\d$/);
  });
});

test('the heading of the links of a pod counts those that it lists, its link to itself too', () => {
  const picture = pictureOf({ pods: 4, scenario: 'healthy' }, ({ reports }) => {
    const { pod, links } = reports[2]!;
    links.outcome[links.to.indexOf(pod)] = 1;
  });
  const view = picture.pods[picture.mesh.reports[2]!.pod]!;
  const props = { picture } as ViewProps;
  for (const direction of ['inbound', 'outbound'] as const) {
    const shown = renderToStaticMarkup(createElement(PodLinks, { props, view, direction }));
    expect(shown.replace(/<[^>]+>/g, '')).toMatch(/bound 4, 1 failed/);
  }
});

type Probe = MergedReport['probes'][number];

/** The list of the external probes of a pod: those that `change` makes out of a good one. */
function probesOf(change: (probe: Probe) => Probe[]): string {
  const picture = pictureOf({ pods: 3, scenario: 'probes' }, ({ reports: [report] }) => {
    report!.probes = report!.probes.slice(0, 1).flatMap(change);
  });
  const view = picture.pods[picture.mesh.reports[0]!.pod]!;
  return renderToStaticMarkup(createElement(PodProbes, { picture, view }));
}

test('the external probes of a pod are listed with the failed ones first, and more than 300 are counted', () => {
  const shown = probesOf((one) =>
    range(310).map((i) => ({ ...one, target: `host-${i}`, error: i === 309 ? 'no such host' : '' })),
  );
  expect(shown.indexOf('host-309')).toBeGreaterThan(0);
  expect(shown.indexOf('host-309')).toBeLessThan(shown.indexOf('host-0'));
  expect(shown).toContain('10 more are not shown.');
});

test('a probe without a result yet is neither good nor failed', () => {
  const shown = probesOf((one) => [{ ...one, atMs: 0, durationUs: -1, error: '' }]);
  expect(shown).toContain('<b class="tone-not-yet">pending</b>');
});

const pod = (lifecycle: Lifecycle, sinceMs: number) => podOf(0, { lifecycle, sinceMs });
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
