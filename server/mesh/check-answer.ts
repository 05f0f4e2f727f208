import type { Sample } from '../contract/outcome.ts';
import type { Target } from '../contract/pod.ts';
import type { ProbeResult } from '../contract/probe.ts';
import { externalResults } from './external-results.ts';
import { goError } from './go-wording.ts';
import { isWorse, PodResultWriter } from './pod-result.ts';
import { resultKeys } from './result-keys.ts';

/** What our own `/check` is made of. */
export interface OwnResults {
  /** Every target with its last sample; null = not yet probed, then it is left out. */
  links: Iterable<{ target: Target; sample: Sample | null }>;
  probes: readonly ProbeResult[];
  displayNodeName: boolean;
}

/** Goldpinger's `/check` as JSON in pieces, about one a pod. A pod probed over both families stands there once. */
export function* checkAnswer(own: OwnResults): Generator<string> {
  const links = [...own.links];
  const keys = resultKeys(
    links.map(({ target }) => target),
    own.displayNodeName,
  );
  const worst = new Map<string, { target: Target; sample: Sample }>();
  for (const { target, sample } of links) {
    const key = keys.get(target.uid);
    if (sample === null || key === undefined) continue;
    const other = worst.get(key);
    if (other === undefined || isWorse(sample, other.sample)) worst.set(key, { target, sample });
  }
  const writer = new PodResultWriter();
  yield '{"podResults":{';
  let comma = '';
  for (const key of [...worst.keys()].sort()) {
    const link = worst.get(key);
    if (link !== undefined) yield `${comma}${JSON.stringify(key)}:${resultOf(link.target, link.sample, writer)}`;
    comma = ',';
  }
  yield `}${externalResults(own.probes)}}`;
}

function resultOf(target: Target, sample: Sample, writer: PodResultWriter): string {
  const { address, port } = target;
  const { outcome, phase, detail, atMs, totalUs, bootTimeMs } = sample;
  const error = outcome === 'ok' ? '' : goError({ path: '/ping', address, port, outcome, phase, detail });
  const to = writer.addressee(target.hostIP, target.podIP, bootTimeMs);
  return writer.write(to, { outcome, pingMs: atMs, totalUs, error });
}
