import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import { stubAnswers } from './answers-stub.ts';

const servers: HttpServer[] = [];

async function serve() {
  const stub = stubAnswers();
  const server = await listen(stub.answers, '127.0.0.1', 0);
  servers.push(server);
  return { ...stub, url: server.address };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

/** Asks for `target` as it stands; gives status and body. */
function ask(url: string, target: string): Promise<[status: number | undefined, body: string]> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const asked = request({ hostname, port, path: target, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (data) => {
        body += data;
      });
      answer.on('end', () => resolve([answer.statusCode, body]));
    });
    asked.on('error', reject).end();
  });
}

describe("Goldpinger's paths", () => {
  it('answer as exactly application/json, which chaos tools compare, faults included', async () => {
    const { url } = await serve();
    for (const path of ['/ping', '/check', '/check_all', '/cluster_health', '/healthz', '/nope']) {
      expect([path, (await fetch(url + path)).headers.get('content-type')]).toEqual([path, 'application/json']);
    }
    const posted = await fetch(`${url}/check`, { method: 'POST' });
    expect([posted.status, posted.headers.get('content-type')]).toEqual([405, 'application/json']);
  });

  it('include /ping for whoever asks through a proxy, by its whole URI', async () => {
    const { url, received } = await serve();
    expect(await ask(url, 'http://goldpinger/ping')).toEqual([200, '{"boot_time":"2026-11-22T14:39:48.013Z"}']);
    expect(received).toEqual(['ping']);
  });
});
