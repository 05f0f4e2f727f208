import type { LinkSamples } from '../../server/protocol/sample.ts';

/** The samples that were known `ageMs` ago, for viewing the past. Pods keep samples only for minutes. */
export function samplesAgo(samples: LinkSamples, ageMs: number): LinkSamples {
  const nowMs = samples.nowMs - ageMs;
  const kept = samples.samples.filter(({ atMs }) => atMs <= nowMs);
  const error = samples.error === '' && kept.length === 0 ? 'No samples kept for that time' : samples.error;
  return { ...samples, nowMs, samples: kept, error };
}
