import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

const JSON_TYPE = { 'content-type': 'application/json' };

/**
 * The ways in which the Kubernetes API of a test misbehaves. `refuse`: nobody listens. `hung`: it accepts and never
 * answers. `reset`: it accepts and resets. `drip`: it sends a good answer with one byte every 20 ms. `malformed`: half a
 * JSON text. `html`, `redirect`: a login page, or a redirect to one. `empty`: a valid empty list. A number: that status,
 * with a Status object.
 */
export type KubeFault = 'refuse' | 'hung' | 'reset' | 'drip' | 'malformed' | 'html' | 'redirect' | 'empty' | number;

/** Answers a request as the fault demands. `api` would give the right answer; `version` is its present version. */
export function misbehave(
  fault: KubeFault,
  request: IncomingMessage,
  response: ServerResponse,
  api: RequestListener,
  version: number,
): void {
  if (typeof fault === 'number') {
    const message = `the API of the test answers ${fault}`;
    const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: fault };
    response.writeHead(fault, JSON_TYPE).end(JSON.stringify(status));
  } else if (fault === 'reset') request.socket.resetAndDestroy();
  else if (fault === 'malformed') response.writeHead(200, JSON_TYPE).end('{"kind":"PodList","items":[{');
  else if (fault === 'html') response.writeHead(200, { 'content-type': 'text/html' }).end('<form>Sign in</form>');
  else if (fault === 'redirect') response.writeHead(302, { location: 'https://login.example/' }).end();
  else if (fault === 'empty') {
    const list = { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: String(version) }, items: [] };
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(list));
  } else if (fault === 'drip') {
    // A watch gets a slow list, too.
    request.url = request.url?.replace(/\bwatch=(1|true)/, 'watch=0') ?? '/';
    const { end } = response;
    response.end = ((text: string) => drip(response, text, () => end.call(response, undefined, 'utf8'))) as never;
    api(request, response);
  }
  // `hung` sends nothing. `refuse` does not reach this function.
}

function drip(response: ServerResponse, text: string, end: () => void): ServerResponse {
  let sent = 0;
  const timer = setInterval(() => {
    response.write(text.slice(sent, sent + 1));
    sent += 1;
    if (sent < text.length) return;
    clearInterval(timer);
    end();
  }, 20);
  response.on('close', () => clearInterval(timer));
  return response;
}
