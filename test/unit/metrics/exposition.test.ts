import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentTypeOf, formatFor } from '../../../server/metrics/exposition.ts';
import { BOUNDS_S, Latencies } from '../../../server/metrics/latencies.ts';
import { labelText, labelValue, MAX_LABEL_LENGTH } from '../../../server/metrics/peers.ts';
import { readExposition } from './exposition-reader.ts';
import { metricsOf, podOf, read, sampleOf, scrape, targetOf } from './scene.ts';

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
  ])('that %s asks for is %s', (accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });

  it('is named with its version', () => {
    expect(contentTypeOf('text')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(contentTypeOf('openmetrics')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  });

  it('OpenMetrics says the same as the classic one, and asking for it changes nothing', async () => {
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
  it('comes back as it was from any text without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (value) => {
        fc.pre(value.length <= MAX_LABEL_LENGTH && !/\p{Cc}/u.test(value));
        const text = `# HELP a b\n# TYPE a gauge\na{${labelText({ x: value, y: '2' })}} 1\n`;
        expect(readExposition(text).get('a')?.series[0]?.labels).toEqual({ x: value, y: '2' });
      }),
    );
  });

  it('is one bounded, well-formed piece of a line whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (value) => {
        const text = `# HELP a b\n# TYPE a gauge\na{${labelText({ x: value })}} 1\n`;
        const back = readExposition(text).get('a')?.series[0]?.labels['x'] ?? '';
        expect(back.length).toBe(Math.min(value.length, MAX_LABEL_LENGTH));
        expect(Buffer.from(back, 'utf8').toString('utf8')).toBe(back);
      }),
    );
  });

  it('escapes what would end it', () => {
    expect(labelValue('a"} 1\nb\\\u0000')).toBe('a\\"} 1\\nb\\\\\ufffd');
  });

  it('of a hostile pod breaks no scrape', async () => {
    const hostile = podOf(1, { name: '"} 1\ngoldpinger_cluster_health_total 1', node: `${'x'.repeat(300)}\\` });
    const twin = podOf(1, { uid: 'twin', name: hostile.name, node: `${'x'.repeat(300)}y` });
    const metrics = metricsOf([hostile, twin]);
    for (const pod of [hostile, twin]) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.linkState(targetOf(pod), true);
    }
    const ours = await read(metrics);
    expect(ours.get('goldpinger_peer_up')?.series.map(({ labels }) => labels['peer'])).toEqual([hostile.name]);
  });
});

describe('a latency histogram', () => {
  it('has in each bucket what a plain count finds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 40e6 }), fc.constantFrom(...BOUNDS_S.map((s) => s * 1e6)))),
        (us) => {
          const latencies = new Latencies();
          latencies.allocate();
          const slot = latencies.allocate();
          for (const one of us) latencies.observe(slot, one);
          const text = `# HELP h h\n# TYPE h histogram\n${latencies.text(slot, 'h', 'a="1"', 'text')}`;
          const { series } = readExposition(text).get('h')!;
          for (const bound of BOUNDS_S) {
            const bucket = series.find(({ labels }) => labels['le'] === String(bound));
            expect(bucket?.value).toBe(us.filter((one) => one <= bound * 1e6).length);
          }
          expect(series.at(-1)?.value).toBe(us.length);
          expect(series.at(-2)?.value).toBeCloseTo(us.reduce((sum, one) => sum + one, 0) / 1e6, 6);
        },
      ),
    );
  });

  it('ignores what is no duration', () => {
    const latencies = new Latencies();
    const slot = latencies.allocate();
    latencies.observe(slot, -1);
    latencies.observe(slot, Number.NaN);
    expect(latencies.text(slot, 'h', 'a="1"', 'text')).toContain('h_count{a="1"} 0');
  });

  it('keeps its slots apart, through growth and reuse', () => {
    const latencies = new Latencies();
    const slots = Array.from({ length: 100 }, () => latencies.allocate());
    for (const slot of slots) for (let i = 0; i <= slot; i++) latencies.observe(slot, 1);
    for (const slot of slots) expect(latencies.text(slot, 'h', '', 'text')).toContain(`h_count{} ${slot + 1}\n`);
    latencies.release(7);
    expect(latencies.size).toBe(99);
    expect(latencies.allocate()).toBe(7);
    expect(latencies.text(7, 'h', '', 'text')).toContain('h_count{} 0\n');
  });
});

describe('a scrape of 1000 peers', () => {
  it('comes in small slices with a turn of the loop after each', async () => {
    const pods = Array.from({ length: 1000 }, (_, n) => podOf(n));
    const metrics = metricsOf(pods);
    for (const pod of pods) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.peerCall(pod, 1000, true);
    }
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    let slices = 0;
    let longest = 0;
    for await (const slice of metrics.render('text')) {
      slices++;
      longest = Math.max(longest, slice.length);
    }
    isOver = true;
    expect(slices).toBeGreaterThan(80);
    expect(turns).toBeGreaterThanOrEqual(slices - 2);
    expect(longest).toBeLessThan(200_000);
  });
});
