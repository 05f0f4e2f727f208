import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { startProxy } from '../support/fault-proxy.ts';
import { NEW, OLD, type RealServer, startReal } from './programs.ts';

const ANY = '"listen":"127.0.0.1:0"';
/** 2.1.4 has taken the address although it cannot listen there; 2.12 keeps the one before. */
const BAD_LISTEN = '{"listen":"127.0.0.1:x"}';
/** Requests in their order, each on what those before have left. */
const REQUESTS: [method: string, path: string, body?: string][] = [
  ['GET', '/proxies'],
  ['GET', '/'],
  ['GET', '/metrics'],
  ['GET', '/proxies/'],
  ['PUT', '/proxies'],
  ['PATCH', '/proxies'],
  ['DELETE', '/proxies'],
  ['GET', '/populate'],
  ['GET', '/reset'],
  ['POST', '/version'],
  ['POST', '/proxies', ''],
  ['POST', '/proxies', '{'],
  ['POST', '/proxies', '[]'],
  ['POST', '/proxies', '"x"'],
  ['POST', '/proxies', 'null'],
  ['POST', '/proxies', '{"name":5}'],
  ['POST', '/proxies', '{"name":1.5}'],
  ['POST', '/proxies', '{"name":"a","enabled":"x"}'],
  ['POST', '/proxies', '{"name":"a","enabled":5}'],
  ['POST', '/proxies', '{"name":"a"}'],
  ['POST', '/proxies', '{"upstream":"a:1"}'],
  ['POST', '/proxies', '{"name":"a","listen":"","upstream":"a:1","enabled":false}'],
  ['POST', '/proxies', '{"name":"b","listen":"127.0.0.1:99999","upstream":"a:1"}'],
  ['POST', '/proxies', '{"name":"b","listen":"127.0.0.1:x","upstream":"a:1"}'],
  ['POST', '/proxies', '{"name":"b","listen":"1:2:3","upstream":"a:1"}'],
  ['POST', '/proxies', `{"name":"b",${ANY},"upstream":"127.0.0.1:9","toxics":[{"type":"latency"}]}`],
  ['POST', '/proxies', `{"name":"b",${ANY},"upstream":"127.0.0.1:9"}`],
  ['POST', '/proxies', `{"name":"é y",${ANY},"upstream":"127.0.0.1:9","enabled":false}`],
  ['GET', '/proxies/%C3%A9%20y'],
  ['GET', '/proxies'],
  ['GET', '/proxies/none'],
  ['POST', '/proxies/b', '{"upstream":5}'],
  ['POST', '/proxies/b', '{"upstream":""}'],
  ['POST', '/proxies/b', '{"upstream":"127.0.0.1:10","name":"zz"}'],
  ['POST', '/proxies/b', BAD_LISTEN],
  ['GET', '/proxies/b'],
  ['POST', '/proxies/b', `{${ANY},"enabled":true}`],
  ['GET', '/proxies/b/toxics'],
  ['POST', '/proxies/b/toxics', ''],
  ['POST', '/proxies/b/toxics', '{}'],
  ['POST', '/proxies/b/toxics', 'null'],
  ['POST', '/proxies/b/toxics', '[]'],
  ['POST', '/proxies/b/toxics', '{"type":5}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","attributes":5}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","attributes":{"latency":"5"}}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","attributes":{"latency":1.5}}'],
  ['POST', '/proxies/b/toxics', '{"type":"limit_data","attributes":{"bytes":true}}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","attributes":{"latency":null}}'],
  ['DELETE', '/proxies/b/toxics/latency_downstream'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","toxicity":"5"}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","toxicity":1e60}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","toxicity":7}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency"}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","stream":"upstream","name":"x"}'],
  ['POST', '/proxies/b/toxics', '{"type":"latency","stream":"up","name":"y"}'],
  ['POST', '/proxies/b/toxics', '{"type":"Latency","name":"Q"}'],
  ['POST', '/proxies/b/toxics', '{"type":"slicer","attributes":{"average_size":-1}}'],
  ['POST', '/proxies/b/toxics', '{"type":"noop","name":"n"}'],
  ['GET', '/proxies/b/toxics/x'],
  ['GET', '/proxies/b/toxics/none'],
  ['POST', '/proxies/b/toxics/x', '{"attributes":5}'],
  ['POST', '/proxies/b/toxics/x', '{"attributes":{"latency":"5"}}'],
  ['POST', '/proxies/b/toxics/x', '{"toxicity":true}'],
  ['POST', '/proxies/b/toxics/x', ''],
  ['POST', '/proxies/b/toxics/x', 'null'],
  ['POST', '/proxies/b/toxics/x', '[]'],
  ['POST', '/proxies/b/toxics/x', '{"toxicity":0.5,"stream":"downstream","type":"bandwidth","name":"new"}'],
  ['PUT', '/proxies/b/toxics/x', '{"attributes":{"latency":7}}'],
  ['POST', '/proxies/b/toxics/none', '{}'],
  ['GET', '/proxies/none/toxics'],
  ['DELETE', '/proxies/none/toxics/x'],
  ['GET', '/proxies/b'],
  ['POST', '/populate', ''],
  ['POST', '/populate', 'x'],
  ['POST', '/populate', '{}'],
  ['POST', '/populate', '[]'],
  ['POST', '/populate', 'null'],
  ['POST', '/populate', '[5]'],
  ['POST', '/populate', '[null]'],
  ['POST', '/populate', '[{"name":5}]'],
  ['POST', '/populate', '[{"name":"p","enabled":5}]'],
  ['POST', '/populate', '[{"name":"p"}]'],
  ['POST', '/populate', '[{"upstream":"p:1"}]'],
  ['POST', '/populate', `[{"name":"p","upstream":"x:1",${ANY},"enabled":false}]`],
  ['POST', '/populate', `[{"name":"p","upstream":"x:2",${ANY}},{"name":"q","upstream":"x:1","listen":"127.0.0.1:x"}]`],
  ['POST', '/proxies/b', '{"enabled":false}'],
  ['POST', '/reset', ''],
  ['GET', '/proxies'],
  ['DELETE', '/proxies/b'],
  ['DELETE', '/proxies/b'],
];

/** Since 2.5. */
const PATCHES: typeof REQUESTS = [
  ['POST', '/proxies', `{"name":"c",${ANY},"upstream":"127.0.0.1:9"}`],
  ['PATCH', '/proxies/c', '{"enabled":false}'],
  ['PATCH', '/proxies/c', '{"enabled":5}'],
  ['PATCH', '/proxies/none', '{}'],
  ['POST', '/proxies/c/toxics', '{"type":"reset_peer","name":"r","attributes":{"timeout":5}}'],
  ['PATCH', '/proxies/c/toxics/r', '{"attributes":{"timeout":7},"toxicity":0.5}'],
  ['PATCH', '/proxies/c/toxics/r', '{"attributes":5}'],
  ['PATCH', '/proxies/c/toxics/none', '{}'],
];

/** What an API answers. Ports that it chose, and the reasons why a body cannot be read, are masked. */
function answer(apiUrl: string, method: string, path: string, body = '') {
  return new Promise<object>((resolve, reject) => {
    const outgoing = request(new URL(path, apiUrl), { method, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      const { 'content-type': type, 'x-content-type-options': options } = response.headers;
      const shown = () =>
        text
          .trim()
          // A field that 2.12 shows by mistake.
          .replaceAll('"Logger":{},', '')
          .replace(/(127\.0\.0\.1|\[::\]):\d{5}"/g, '$1:PORT"')
          // Toxiproxy shows the message of Go's JSON decoder here. Ours has its own.
          .replace(/"bad request body: (?:[^"\\]|\\.)*"/, '"bad request body"');
      response.on('end', () => resolve({ status: response.statusCode, type, options, text: shown() }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe.each([
  { release: OLD, requests: REQUESTS },
  { release: NEW, requests: [...REQUESTS.filter(([, , body]) => body !== BAD_LISTEN), ...PATCHES] },
])('Toxiproxy $release.version', ({ release, requests }) => {
  let real: RealServer;
  let ours: FaultProxy;
  beforeAll(async () => {
    [real, ours] = await Promise.all([startReal(release), startProxy()]);
  }, 300_000);
  afterAll(() => Promise.all([real?.stop(), ours?.stop()]));

  it('answers every request as our fault proxy does: status, headers and text', async () => {
    for (const [method, path, body] of requests) {
      const asked = { asked: `${method} ${path} ${body ?? ''}` };
      const expected = await answer(real.apiUrl, method, path, body);
      expect({ ...asked, ...(await answer(ours.apiUrl, method, path, body)) }).toEqual({ ...asked, ...expected });
    }
  });
});
