import { expect, it } from 'vitest';
import { type PodJson, podJson, resultJson } from '../../../server/goldpinger/check.ts';
import { ResultBytes } from '../../../server/goldpinger/result-bytes.ts';
import { NOW_MS } from '../../support/mesh.ts';

const PODS = [
  podJson('pod-0', '10.0.0.1', '127.0.0.1', NOW_MS),
  podJson('p\u00f6d "\u{1f600}", "PingTime":"', '10.0.0.2', 'fd00::2', -1),
  podJson('x'.repeat(20_000), '', '', 0),
];
/** Times with leading zeros and other seconds; the last is beyond what a Date can be. */
const TIMES = [NOW_MS, NOW_MS + 7, NOW_MS + 65, NOW_MS - 0.4, NOW_MS + 86_400_999, 0, 1e300];
const DURATIONS_US = [0, 999, 1_000, 9_999, 10_000, 134_200_000];

function withTemplates(pods: readonly PodJson[]): ResultBytes {
  const results = new ResultBytes();
  for (const pod of pods) results.addTemplate(pod);
  return results;
}

it('puts what `resultJson` makes, byte for byte', () => {
  const results = withTemplates(PODS);
  let expected = '';
  for (const pingMs of TIMES) {
    for (const totalUs of DURATIONS_US) {
      for (const [i, pod] of PODS.entries()) {
        results.putOk(i, pingMs, totalUs);
        expected += resultJson(pod, { outcome: 'ok', pingMs, totalUs, error: '' });
        const failed = resultJson(pod, { outcome: 'timeout', pingMs, totalUs, error: 'sp\u00e4t' });
        results.put(failed);
        expected += failed;
      }
    }
  }
  expect(results.length).toBe(Buffer.byteLength(expected));
  expect(Buffer.from(results.take()).toString()).toBe(expected);
});

it('goes on after its bytes have been taken', () => {
  const results = withTemplates(PODS);
  results.putOk(0, NOW_MS, 5_000);
  const first = Buffer.from(results.take()).toString();
  expect(results.length).toBe(0);
  results.putOk(0, NOW_MS, 5_000);
  expect(Buffer.from(results.take()).toString()).toBe(first);
  expect(results.take()).toHaveLength(0);
});
