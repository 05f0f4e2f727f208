import { expect, it, onTestFinished } from 'vitest';
import { listenPassive } from '../../../server/http/server.ts';
import { passiveMetrics } from '../../../server/metrics/metrics.ts';
import { saysPassive } from '../../../server/runtime/node-mode.ts';
import { stubContext } from '../../support/route-context.ts';

async function servePassive() {
  const metrics = passiveMetrics('node-1', '9.9.9');
  const server = await listenPassive({ ...stubContext().context, metrics });
  onTestFinished(() => server.close(0));
  return server.address;
}

it('a passive pod answers everything else with 503 and says why; a verdict with 425, as it is not known', async () => {
  const url = await servePassive();
  const paths = { '/check': 503, '/cluster_health': 503, '/api/v1/mesh': 503, '/assets/page.js': 503, '/x': 503 };
  const verdicts = { '/api/v1/verdict': 425, '/api/v1/verdict/?expect=healthy': 425, '/api/v1/verdicts': 503 };
  for (const [path, status] of Object.entries({ ...paths, ...verdicts })) {
    const answer = await fetch(url + path);
    const body = (await answer.json()) as { code: number; message: string };
    expect([path, answer.status, body.code, saysPassive(body.message)]).toEqual([path, status, status, true]);
    expect(body.message).toContain('ACTIVE_NODE_PERCENTAGE');
  }
});

it("a passive pod answers pings, the kubelet's probes, and a page, which the probes of Goldpinger's chart want", async () => {
  const url = await servePassive();
  const answers = await Promise.all(['/ping', '/healthz', '/readyz', '/'].map((path) => fetch(url + path)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(answers[3]?.headers.get('content-type')).toContain('text/html');
  expect(await answers[3]?.text()).toContain('this node is in passive mode');
});

it('a passive pod tells its mode and its process, and no measurement', async () => {
  const text = await (await fetch(`${await servePassive()}/metrics`)).text();
  expect(text).toContain('goldpinger_node_mode{goldpinger_instance="node-1"} 0');
  const names = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name);
  expect(names.filter((name) => name.startsWith('goldpinger_')).sort()).toEqual([
    'goldpinger_build_info',
    'goldpinger_node_mode',
  ]);
});
