import type { Request } from 'express';
import { type CopyCursor, NO_CURSOR } from '../protocol/copy.ts';
import { type AgeRange, MAX_PAST_MS, MAX_STEPS } from '../protocol/history.ts';
import { parseDurationMs } from '../runtime/duration.ts';
import { textOf } from '../runtime/errors.ts';
import { parseMoment } from '../runtime/time.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { HttpError } from './errors.ts';

/*
 * Reads the parameters of a query. Each function throws a 400 whose message names the parameter if its value is not valid.
 */

/** The error that says what was expected of the parameter `name`. */
export function invalid(name: string, expected: string): HttpError {
  return new HttpError(400, `${name} in query: expected ${expected}`);
}

/** The longest value of a parameter: the longest name that Kubernetes allows. */
const MAX_VALUE_LENGTH = 253;

/** The parameter `name` as one text of at most `most` characters; `byDefault` where absent. It must not be given twice. */
export function textParameter(req: Request, name: string, byDefault: string, most = MAX_VALUE_LENGTH): string {
  const value = req.query[name];
  if (value === undefined) return byDefault;
  if (typeof value === 'string' && value.length <= most) return value;
  throw invalid(name, `one value of at most ${most} characters`);
}

/** Throws 400 if the query has other parameters: without a misspelt part of a hypothesis, the rest might hold. */
export function onlyParameters(req: Request, ...names: string[]): void {
  const other = Object.keys(req.query).find((name) => !names.includes(name));
  if (other === undefined) return;
  throw new HttpError(
    400,
    `${other.slice(0, 40)} in query: no such parameter; there are ${names.join(', ') || 'none'}`,
  );
}

/** The parameter `name` as a number >= 0 (milliseconds, as Goldpinger's t0, t1, t2); `byDefault` where absent or empty. */
export function numberParameter<T>(req: Request, name: string, byDefault: T): number | T {
  const value = textParameter(req, name, '');
  if (value === '') return byDefault;
  if (/^\d{1,9}(\.\d{1,9})?$/.test(value)) return Number(value);
  throw invalid(name, 'a number of milliseconds');
}

/** ms since the epoch; -1 if it is no moment. A client that does not escape the + of a time zone sends a blank. */
const readMoment = (text: string): number => parseMoment(text.replace(' ', '+'));

/** The parameter `name` (ms since the epoch or RFC 3339), in ms since the epoch; without a default it must be given. */
export function momentParameter(req: Request, name: string, byDefaultMs = -1): number {
  const ms = hasParameter(req, name) ? readMoment(textParameter(req, name, '')) : byDefaultMs;
  if (ms < 0) throw invalid(name, 'ms since the epoch or an RFC 3339 time');
  return ms;
}

/** The range from `from` to `to`; by default the last `lengthMs` until `nowMs`. In ms since the epoch. */
export function lastRangeParameters(req: Request, nowMs: number, lengthMs: number): TimeRange {
  const toMs = momentParameter(req, 'to', nowMs);
  const fromMs = momentParameter(req, 'from', nowMs - lengthMs);
  if (fromMs <= toMs) return { fromMs, toMs };
  throw new HttpError(400, 'expected from <= to');
}

/** The shortest range: with REFRESH_INTERVAL=1, as in experiments, links have one sample in it. */
const MIN_RANGE_MS = 1000;

/** The range from the parameter `start`, which must be given, to `end`, which is now by default and at most. In ms since the epoch. */
export function pastRangeParameters(req: Request, start: string, end: string, nowMs: number): TimeRange {
  const fromMs = momentParameter(req, start);
  const toMs = Math.min(nowMs, momentParameter(req, end, nowMs));
  if (toMs - fromMs >= MIN_RANGE_MS) return { fromMs, toMs };
  throw invalid(start, `a time at least one second before ${end} and before now`);
}

/** The parameter `name` as a duration in Go's notation (`300ms`, `1m30s`), in ms; null if it is absent. */
export function durationParameter(req: Request, name: string): number | null {
  if (!hasParameter(req, name)) return null;
  const text = textParameter(req, name, '');
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new HttpError(400, `${name} in query: ${textOf(error)}`);
  }
}

/** The parameter `window`, in ms: whole seconds up to `mostMs`, so that simultaneous requests mostly share one collection. */
export function windowParameter(req: Request, mostMs: number): number {
  const windowMs = numberParameter(req, 'window', 0);
  if (windowMs % 1000 === 0 && windowMs <= mostMs) return windowMs;
  throw invalid('window', `whole seconds up to ${mostMs}, in milliseconds; 0 = none`);
}

/** The parameter `name` as the uid of a pod. */
export function uidParameter(req: Request, name: string): string {
  const value = textParameter(req, name, '');
  if (!/^[\w.:/-]{1,128}$/.test(value)) throw invalid(name, 'the uid of a pod');
  return value;
}

/** Whether the query has the parameter `name`. */
export function hasParameter(req: Request, name: string): boolean {
  return req.query[name] !== undefined;
}

/** The parameters `fromAge` and `toAge`, ms before now. */
export function ageRangeParameters(req: Request): AgeRange {
  const fromAgeMs = wholeParameter(req, 'fromAge', 1, MAX_PAST_MS, -1);
  const toAgeMs = wholeParameter(req, 'toAge', 0, MAX_PAST_MS, 0);
  if (fromAgeMs > toAgeMs) return { fromAgeMs, toAgeMs };
  throw invalid('fromAge', 'more than toAge');
}

/** The parameters `process`, `since`, `links` and `seq`: up to where the copy of a keeper goes. By default it has none. */
export function copyCursorParameters(req: Request): CopyCursor {
  const numberOf = (name: string, byDefault: number) => {
    const value = Number(textParameter(req, name, String(byDefault)));
    if (!Number.isNaN(value)) return value;
    throw invalid(name, 'the number of the last answer');
  };
  return {
    process: textParameter(req, 'process', NO_CURSOR.process),
    sinceMs: numberOf('since', NO_CURSOR.sinceMs),
    links: numberOf('links', NO_CURSOR.links),
    seq: numberOf('seq', NO_CURSOR.seq),
  };
}

/** The parameter `step`, ms, for a time range of `lengthMs`. */
export function stepParameter(req: Request, lengthMs: number): number {
  const stepMs = wholeParameter(req, 'step', 1, MAX_PAST_MS, -1);
  if (lengthMs / stepMs <= MAX_STEPS) return stepMs;
  throw invalid('step', `at least ${Math.ceil(lengthMs / MAX_STEPS)} ms for this time range`);
}

/** The parameter `name` as a whole number from `least` to `most`. A `byDefault` outside the bounds means that it must be given. */
export function wholeParameter(req: Request, name: string, least: number, most: number, byDefault: number): number {
  const value = textParameter(req, name, '');
  const given = /^\d{1,9}$/.test(value) ? Number(value) : -1;
  const number = hasParameter(req, name) ? given : byDefault;
  if (number >= least && number <= most) return number;
  throw invalid(name, `a whole number from ${least} to ${most}`);
}

/** All values of `expect`. Their number and length are limited by `parseClauses`. */
export function expectParameters({ query }: Request): string[] {
  const value = query['expect'];
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
}

/** The parameter `name` as one of `values`; the first is the default. */
export function choiceParameter<T extends string>(req: Request, name: string, values: readonly T[]): T {
  const text = textParameter(req, name, values[0] ?? '');
  const value = values.find((one) => one === text);
  if (value !== undefined) return value;
  throw invalid(name, values.filter((one) => one !== '').join(' or '));
}

/** A range as `FROM-TO` in ms since the epoch, or `FROM/TO` in those or RFC 3339; null if it is absent. */
export function rangeParameter(req: Request, name: string): TimeRange | null {
  const value = textParameter(req, name, '');
  if (value === '') return null;
  const ends = value.split(value.includes('/') ? '/' : '-').map(readMoment);
  const [fromMs = -1, toMs = -1] = ends;
  if (ends.length === 2 && fromMs >= 0 && toMs - fromMs >= MIN_RANGE_MS) return { fromMs, toMs };
  throw invalid(name, 'FROM-TO in ms since the epoch, or FROM/TO also in RFC 3339, at least a second apart');
}
