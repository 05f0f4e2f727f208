import { MAX_CLAUSE_LENGTH, MAX_CLAUSES } from '../../server/protocol/verdict.ts';

/** Maximum length of a hypothesis, characters, so that it fits into a URL. */
export const MAX_HYPOTHESIS = 1000;

/** The clauses of a text with one clause per line, each with or without `expect=`. Bounded, without empty clauses. */
export function clausesIn(text: string): string[] {
  return boundedClauses(text.split('\n').map((line) => line.trim().replace(/^expect=/, '')));
}

/** The clauses that fit into a URL: at most `MAX_CLAUSES`, none empty or too long. */
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

/** A validation error in a hypothesis, and its position. */
export interface ClauseError {
  /** The server's message without the position. */
  message: string;
  /** The line, from 1, and its text before the error and from the error on; null if the server names no position. */
  place: { line: number; before: string; from: string } | null;
}

/** Parses the server's message: `expect 2 in query, character 9: expected a duration ...`. */
export function clauseErrorOf(text: string, clauses: readonly string[]): ClauseError {
  const found = /^expect (\d{1,2}) in query, character (\d{1,3}): (.+)$/s.exec(text);
  if (found === null) return { message: text, place: null };
  const [, line = '', character = '', message = ''] = found;
  const clause = clauses[Number(line) - 1];
  if (clause === undefined) return { message: text, place: null };
  const at = Math.min(clause.length, Math.max(0, Number(character) - 1));
  return { message, place: { line: Number(line), before: clause.slice(0, at), from: clause.slice(at) } };
}
