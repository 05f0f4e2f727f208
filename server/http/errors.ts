import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Log } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { sendExactly } from './send.ts';

/** An answer other than 2xx: a route throws it, `errorHandler` sends it. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Goldpinger's (go-openapi's) shape of an error. */
export function sendError(res: Response, status: number, message: string): void {
  res.status(status);
  sendExactly(res, 'application/json', JSON.stringify({ code: status, message }));
}

/** 404 for whatever no route took. */
export const notFound: RequestHandler = (req, res) => {
  sendError(res, 404, `path ${req.path.slice(0, 200)} was not found`);
};

/** 405 with `Allow`, for a known path and another method than `methods`. */
export function only(...methods: string[]): RequestHandler {
  return (req, res) => {
    res.set('Allow', methods.join(', '));
    // The body is not read. Node would read it to its end to keep the connection, for nobody.
    res.set('Connection', 'close');
    sendError(res, 405, `method ${req.method} is not allowed, but [${methods.join(',')}] are`);
  };
}

/** Throws 406 unless the client takes one of `types`. */
export function mustAccept(req: Request, types: string[]): void {
  if (req.accepts(types) === false) {
    throw new HttpError(406, `unsupported media type requested, only [${types.join(' ')}] are available`);
  }
}

/** Answers 406 unless the client takes JSON. */
export const acceptsJson: RequestHandler = (req, _res, next) => {
  mustAccept(req, ['application/json']);
  next();
};

/** The last error handler. It logs internal errors and tells the client nothing about them. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (error, req, res, next) => {
    // Our own errors and those of Express' parsers have these properties.
    const { status: given, expose } = Object(error) as { status?: unknown; expose?: unknown };
    const status = typeof given === 'number' && given >= 400 && given < 600 ? given : 500;
    const isExposed = status < 500 || expose === true;
    if (!isExposed) log.error({ err: error, path: req.path.slice(0, 200) }, 'a request failed');
    if (res.headersSent) {
      // Too late for a status: break the connection, so that nobody takes half an answer for a whole one.
      res.destroy();
      return next();
    }
    sendError(res, status, isExposed ? textOf(error) : 'internal error; the log of this pod says more');
  };
}
