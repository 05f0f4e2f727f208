import type { LinkSamples } from '../../server/protocol/sample.ts';

/** The samples as they were `ageMs` ago: for a link of a moment that is looked at. They are kept for minutes only. */
export function samplesAgo(samples: LinkSamples, ageMs: number): LinkSamples {
  const nowMs = samples.nowMs - ageMs;
  const kept = samples.samples.filter(({ atMs }) => atMs <= nowMs);
  const error = samples.error === '' && kept.length === 0 ? 'No samples kept for that time' : samples.error;
  return { ...samples, nowMs, samples: kept, error };
}
