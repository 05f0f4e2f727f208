import { MAX_CLAUSE_LENGTH, MAX_CLAUSES } from '../../server/protocol/verdict.ts';

/** The longest hypothesis in all, characters: it has to fit into an address. */
export const MAX_HYPOTHESIS = 1000;

/** The clauses of a hypothesis that is written one a line, as in an address or not (`expect=`); bounded, none empty. */
export function clausesIn(text: string): string[] {
  return boundedClauses(text.split('\n').map((line) => line.trim().replace(/^expect=/, '')));
}

/** What of any clauses may be in an address: not too many, not too long, none empty. */
export function boundedClauses(clauses: readonly string[]): string[] {
  const kept: string[] = [];
  let left = MAX_HYPOTHESIS;
  for (const clause of clauses.map((each) => each.trim())) {
    left -= clause.length;
    if (kept.length === MAX_CLAUSES || left < 0) break;
    if (clause !== '' && clause.length <= MAX_CLAUSE_LENGTH) kept.push(clause);
  }
  return kept;
}

/** A mistake in a hypothesis, and where. */
export interface Mistake {
  /** What is wrong, in the server's words. */
  words: string;
  /** Which line, from 1, and what stands in it before the mistake and from there on; null: the server names no place. */
  place: { line: number; before: string; from: string } | null;
}

/** Reads what the server says of clauses: `expect 2 in query, character 9: expected a duration ...`. */
export function mistakeIn(message: string, clauses: readonly string[]): Mistake {
  const found = /^expect (\d{1,2}) in query, character (\d{1,3}): (.+)$/s.exec(message);
  if (found === null) return { words: message, place: null };
  const [, line = '', character = '', words = ''] = found;
  const clause = clauses[Number(line) - 1];
  if (clause === undefined) return { words: message, place: null };
  const at = Math.min(clause.length, Math.max(0, Number(character) - 1));
  return { words, place: { line: Number(line), before: clause.slice(0, at), from: clause.slice(at) } };
}
