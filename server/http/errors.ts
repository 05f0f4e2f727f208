import type { ServerResponse } from 'node:http';
import type { ErrorRequestHandler, IRouter, Request, RequestHandler } from 'express';
import { textOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { JSON_TYPE, sendExactly } from './send.ts';

/** A route throws it to answer with a status 4xx and a message for the client. `errorHandler` sends both. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Sends an error in Goldpinger's (go-openapi's) JSON form. */
export function sendError(res: ServerResponse, status: number, message: string): void {
  res.statusCode = status;
  // Of a file that would have been sent compressed.
  res.removeHeader('Content-Encoding');
  sendExactly(res, JSON_TYPE, JSON.stringify({ code: status, message }));
}

/** In any case, as Express finds its route. */
const IS_VERDICT = /^\/api\/v1\/verdict(?=[/?]|$)/i;

/** The status for a request that this pod can't answer now: 503, which for a verdict would mean "it does not hold": there 425. */
export function unavailableStatus(url: string): 425 | 503 {
  return IS_VERDICT.test(url) ? 425 : 503;
}

/** Answers 404 to a request that no route handled. */
export const notFound: RequestHandler = (req, res) => {
  sendError(res, 404, `path ${req.path.slice(0, 200)} was not found`);
};

/** Answers 405 with `Allow` to other methods. Register it after the routes of the path. */
export function methodNotAllowed(...methods: string[]): RequestHandler {
  return (req, res, next) => {
    if (methods.includes(req.method)) return next();
    res.set('Allow', methods.join(', '));
    // Close the connection. Otherwise Node reads the rest of the request body, only to discard it.
    res.set('Connection', 'close');
    sendError(res, 405, `method ${req.method} is not allowed, but [${methods.join(',')}] are`);
  };
}

/** Answers 406 unless the client accepts JSON. As in Goldpinger, all parameters in `Accept` but q are ignored. */
export const acceptsJson: RequestHandler = (req, _res, next) => {
  const isTypeOrQ = (part: string, i: number) => i === 0 || /^\s*q\s*=/i.test(part);
  const ranges = (req.headers.accept ?? '*/*').split(',').map((range) => range.split(';').filter(isTypeOrQ).join(';'));
  // `req.accepts` reads this header. It would take `application/json;charset=utf-8` for another type than `application/json`.
  req.headers.accept = ranges.join(',');
  if (req.accepts(JSON_TYPE) !== false) return next();
  throw new HttpError(406, `unsupported media type requested, only [${JSON_TYPE}] are available`);
};

/** Adds a route that answers a GET with the result of `answer` as JSON. */
export function getJson(router: IRouter, path: string | string[], answer: (req: Request) => unknown): void {
  router.get(path, acceptsJson, async (req, res) => void res.json(await answer(req)));
}

/** The last error handler. It logs internal errors and tells the client nothing about them. */
export function errorHandler(log: Log): ErrorRequestHandler {
  // Express takes only a function of four parameters for an error handler.
  return (error, req, res, _next) => {
    // Our own errors and those of Express' parsers have `status`; some have `expose`. Object() also accepts null.
    const { status: thrownStatus, expose } = Object(error) as { status?: unknown; expose?: unknown };
    const status = typeof thrownStatus === 'number' && thrownStatus >= 400 && thrownStatus < 600 ? thrownStatus : 500;
    const isExposed = status < 500 || expose === true;
    if (!isExposed) log.error({ err: error, path: req.path.slice(0, 200) }, 'a request failed');
    if (res.headersSent) {
      // Too late for a status: break the connection, so that nobody takes half an answer for a whole one.
      res.destroy();
      return;
    }
    sendError(res, status, isExposed ? textOf(error) : 'internal error; the log of this pod says more');
  };
}
