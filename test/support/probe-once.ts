import { expect, onTestFinished } from 'vitest';
import { Prober } from '../../server/probing/probe.ts';
import { BusyMeter } from '../../server/probing/starvation.ts';
import type { Target } from '../../server/protocol/pod.ts';
import type { Sample } from '../../server/protocol/sample.ts';
import type { FakeClock } from './fake-clock.ts';

/**
 * A prober with PING_TIMEOUT = 300 ms in an idle process, which keeps no connection, until the test ends. Then no timer may be
 * left.
 */
export function proberWith(clock: FakeClock, change: Partial<Prober['options']> = {}): Prober {
  const prober = new Prober({
    clock,
    meter: new BusyMeter(
      clock,
      () => clock.monotonicMs(),
      () => 0,
    ),
    pingTimeoutMs: 300,
    userAgent: 'goldpinger-ts/test',
    refreshIntervalMs: 1_000,
    freshConnectionIntervalMs: 0,
    slowLinkMs: 100,
    ...change,
  });
  onTestFinished(() => {
    prober.stop();
    expect(clock.pending).toBe(0);
  });
  return prober;
}

/** Probes a target once. */
export function probeOnce(prober: Prober, target: Target): Promise<Sample> {
  return new Promise((resolve) => prober.probe(target, resolve));
}
