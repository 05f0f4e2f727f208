import type { Request } from 'express';
import { parseMoment } from '../runtime/time.ts';
import { HttpError } from './errors.ts';

/** Windows of statistics that can be streamed; a closed set, so that pages of the same window share collections. */
const STREAM_WINDOWS_MS = [0, 60_000, 300_000] as const;

/** The parameter `name` as one text; `byDefault` where absent. Throws 400 if it is given twice or too long. */
export function textParameter(req: Request, name: string, byDefault: string): string {
  const value = req.query[name];
  if (value === undefined) return byDefault;
  if (typeof value !== 'string' || value.length > 253)
    throw new HttpError(400, `${name} in query: expected one short value`);
  return value;
}

/**
 * Throws 400 if the query has other parameters than these: of a hypothesis, one that is misspelt must not be left out and
 * the rest found to hold.
 */
export function onlyParameters(req: Request, ...names: string[]): void {
  const other = Object.keys(req.query).find((name) => !names.includes(name));
  if (other === undefined) return;
  throw new HttpError(400, `${other.slice(0, 40)} in query: no such parameter; there are ${names.join(', ')}`);
}

/** The parameter `name` as a number >= 0 (milliseconds, as Goldpinger's t0, t1, t2). Throws 400. */
export function numberParameter(req: Request, name: string, byDefault: number): number {
  const value = textParameter(req, name, String(byDefault));
  const number = /^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) throw new HttpError(400, `${name} in query: expected a number of milliseconds`);
  return number;
}

/** The parameter `name` as a moment (ms since the epoch or RFC 3339), in ms since the epoch. Throws 400. */
export function momentParameter(req: Request, name: string, byDefaultMs: number): number {
  const value = textParameter(req, name, String(byDefaultMs));
  // A `+` in a query is a space: an offset that was not escaped.
  const ms = parseMoment(value.replace(' ', '+'));
  if (ms < 0) throw new HttpError(400, `${name} in query: expected ms since the epoch or an RFC 3339 time`);
  return ms;
}

/** The parameter `window`, in ms: whole seconds up to `mostMs`, so that who asks at once mostly asks the same. Throws 400. */
export function windowParameter(req: Request, mostMs: number): number {
  const windowMs = numberParameter(req, 'window', 0);
  if (windowMs % 1000 === 0 && windowMs <= mostMs) return windowMs;
  throw new HttpError(400, `window in query: expected whole seconds up to ${mostMs}, in milliseconds; 0 = none`);
}

/** The parameter `window` of a stream, in ms. Throws 400. */
export function streamWindowParameter(req: Request): number {
  const windowMs = numberParameter(req, 'window', 0);
  if ((STREAM_WINDOWS_MS as readonly number[]).includes(windowMs)) return windowMs;
  throw new HttpError(400, `window in query: expected one of ${STREAM_WINDOWS_MS.join(', ')} (milliseconds)`);
}

/** The parameter `name` as the uid of a pod. Throws 400. */
export function uidParameter(req: Request, name: string): string {
  const value = textParameter(req, name, '');
  if (!/^[\w.:/-]{1,128}$/.test(value)) throw new HttpError(400, `${name} in query: expected the uid of a pod`);
  return value;
}
