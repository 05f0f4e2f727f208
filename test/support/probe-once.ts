import type { Prober } from '../../server/probing/probe.ts';
import type { Target } from '../../server/protocol/pod.ts';
import type { Sample } from '../../server/protocol/sample.ts';

/** Probes a target once. */
export function probeOnce(prober: Prober, target: Target): Promise<Sample> {
  return new Promise((resolve) => prober.probe(target, resolve));
}
