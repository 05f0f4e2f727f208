import type { IncomingMessage, ServerResponse } from 'node:http';
import { statusObject } from './kube-objects.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

/**
 * Ways in which the stub misbehaves. `refuse`: nobody listens. `hung`: accepts and never answers. `reset`: accepts and
 * resets. `drip`: a good answer at a byte every 20 ms. `malformed`: half a JSON text. `html`, `redirect`: a login page,
 * or the way to one. `empty`: a valid list of nothing. Numbers: that status, with a Status object.
 */
export type StubFault =
  | 'refuse'
  | 'hung'
  | 'reset'
  | 'drip'
  | 'malformed'
  | 'html'
  | 'redirect'
  | 'empty'
  | 400
  | 401
  | 403
  | 404
  | 405
  | 410
  | 429
  | 500
  | 503;

/** Answers with a status and the API's object for it. */
export function sendStatus(response: ServerResponse, code: number): void {
  response.writeHead(code, JSON_TYPE).end(JSON.stringify(statusObject(code)));
}

/** Answers with 200 and `body`. */
export function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, JSON_TYPE).end(JSON.stringify(body));
}

/** Answers as `fault` has it; `good` would have been the right answer, `nothing` is a valid list of nothing. */
export function misbehave(
  fault: StubFault,
  request: IncomingMessage,
  response: ServerResponse,
  good: () => object,
  nothing: () => object,
): void {
  if (typeof fault === 'number') sendStatus(response, fault);
  else if (fault === 'reset') request.socket.resetAndDestroy();
  else if (fault === 'malformed') response.writeHead(200, JSON_TYPE).end('{"kind":"PodList","items":[{');
  else if (fault === 'html') response.writeHead(200, { 'content-type': 'text/html' }).end('<form>Sign in</form>');
  else if (fault === 'redirect') response.writeHead(302, { location: 'https://login.example/' }).end();
  else if (fault === 'empty') sendJson(response, nothing());
  else if (fault === 'drip') drip(response, JSON.stringify(good()));
  // `hung`: nothing at all. `refuse` does not get here.
}

function drip(response: ServerResponse, text: string): void {
  response.writeHead(200, JSON_TYPE);
  let sent = 0;
  const timer = setInterval(() => {
    response.write(text.slice(sent, sent + 1));
    sent += 1;
    if (sent >= text.length) response.end();
  }, 20);
  response.on('close', () => clearInterval(timer));
}
