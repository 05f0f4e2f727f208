import type { Sample } from '../contract/outcome.ts';

/** What is held to be true of one link. */
export interface Verdict {
  /** The sample that stands for the link; null while none can be trusted. */
  judged: Sample | null;
  /** The last sample, trusted or not. */
  newest: Sample | null;
  /** How many samples in a row, up to the newest, are suspect. */
  suspectRun: number;
}

/** So many suspect samples in a row are believed: a process that is starved for ever must not hide a dead peer for ever. */
const BELIEVED_RUN = 3;

/** The verdict on a link of which nothing is known. */
export const NO_VERDICT: Verdict = { judged: null, newest: null, suspectRun: 0 };

/**
 * The verdict after one more sample. A trusted sample stands for the link at once. A suspect one changes nothing until
 * it is the third in a row: our own starvation turns a link neither failed nor slow, nor back. The very first sample may
 * be suspect and yet stand, if it is ok: an answer is an answer.
 */
export function judge(verdict: Verdict, sample: Sample): Verdict {
  if (!sample.suspect) return { judged: sample, newest: sample, suspectRun: 0 };
  const suspectRun = verdict.suspectRun + 1;
  const believed = suspectRun >= BELIEVED_RUN || (verdict.judged === null && sample.outcome === 'ok');
  return { judged: believed ? sample : verdict.judged, newest: sample, suspectRun };
}
