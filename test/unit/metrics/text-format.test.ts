import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFor, labelText, labelValue, MAX_LABEL_LENGTH } from '../../../server/metrics/text-format.ts';
import { podOf } from '../../support/mesh.ts';
import { metricsOf, read, sampleOf, scrape, targetOf } from './scene.ts';
import { readExposition } from './text-reader.ts';

describe('the format', () => {
  it.each([
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/html, text/plain;q=0.5', 'text'],
    ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1', 'openmetrics'],
    ['application/openmetrics-text;q=0.3,text/plain', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;q=nonsense', 'text'],
    [`${'a/b,'.repeat(1000)}application/openmetrics-text`, 'text'],
  ])('that the header %s asks for is %s', (accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });

  it('OpenMetrics has the same series as the classic text, and asking for it does not change the classic text', async () => {
    const pods = [podOf(1), podOf(2)];
    const metrics = metricsOf(pods);
    for (const pod of pods) metrics.pingSample(targetOf(pod), sampleOf());
    metrics.pingSample(targetOf(pods[0]!), sampleOf({ outcome: 'reset', phase: 'body' }));
    const open = await read(metrics, 'openmetrics');
    const classic = await read(metrics);
    expect(
      [...classic.keys()].map((name) => (classic.get(name)?.type === 'counter' ? name.slice(0, -6) : name)),
    ).toEqual([...open.keys()]);
    const count = (families: typeof open) => [...families.values()].reduce((sum, { series }) => sum + series.length, 0);
    expect(count(open)).toBe(count(classic));
    expect([...(await scrape(metrics, 'openmetrics')).matchAll(/le="(10?|5)"/g)]).toEqual([]);
  });
});

describe('a label value', () => {
  it('is read back unchanged if it has no control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (value) => {
        fc.pre(value.length <= MAX_LABEL_LENGTH && !/\p{Cc}/u.test(value));
        const text = `# HELP a b\n# TYPE a gauge\na{${labelText({ x: value, y: '2' })}} 1\n`;
        expect(readExposition(text).get('a')?.series[0]?.labels).toEqual({ x: value, y: '2' });
      }),
    );
  });

  it('is a bounded, well-formed part of a line, whatever the value was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (value) => {
        const text = `# HELP a b\n# TYPE a gauge\na{${labelText({ x: value })}} 1\n`;
        const back = readExposition(text).get('a')?.series[0]?.labels['x'] ?? '';
        expect(back.length).toBe(Math.min(value.length, MAX_LABEL_LENGTH));
        expect(Buffer.from(back, 'utf8').toString('utf8')).toBe(back);
      }),
    );
  });

  it('escapes the characters that would end it', () => {
    expect(labelValue('a"} 1\nb\\\u0000')).toBe('a\\"} 1\\nb\\\\\ufffd');
  });

  it('of a hostile pod does not break the scrape', async () => {
    const hostile = podOf(1, { name: '"} 1\ngoldpinger_cluster_health_total 1', node: `${'x'.repeat(300)}\\` });
    const twin = podOf(1, { uid: 'twin', name: hostile.name, node: `${'x'.repeat(300)}y` });
    const metrics = metricsOf([hostile, twin]);
    for (const pod of [hostile, twin]) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.peers.setState(targetOf(pod), true);
    }
    const ours = await read(metrics);
    expect(ours.get('goldpinger_peer_up')?.series.map(({ labels }) => labels['peer'])).toEqual([hostile.name]);
  });
});
