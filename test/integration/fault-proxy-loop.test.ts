import { expect, it } from 'vitest';
import { runToxiproxyCli } from '../../deploy/local/client/toxiproxy-cli.ts';
import { startFaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { realClock } from '../../server/runtime/clock.ts';
import { dial } from '../support/fault-proxy.ts';
import { endOf } from '../support/proxied.ts';

// In the pod of docs/experiments.md: `create chaos -l 0.0.0.0:8080 -u localhost:8080`, where 9090 was meant.
it.each([
  ['', '127.0.0.1', '127.0.0.1'],
  ['', '127.0.0.1', 'localhost'],
  ['', '0.0.0.0', 'localhost'],
  ['127.0.0.1', '0.0.0.0', 'localhost'],
])('a proxy to itself closes what comes, and makes no connection of it: pod %j, %s to %s', async (podIP, host, to) => {
  let connections = 0;
  const proxy = await startFaultProxy({
    api: { host: '127.0.0.1', port: 0 },
    network: { podIP, innerIP: '', redirected: [] },
    clock: realClock,
    // Drawn for each toxic of each connection.
    random: () => {
      connections += 1;
      return 0;
    },
  });
  try {
    await runToxiproxyCli(['create', 'p', '-l', `${host}:0`, '-u', 'localhost:1'], proxy.apiUrl);
    await runToxiproxyCli(['toxic', 'add', '-t', 'noop', '-u', 'p'], proxy.apiUrl);
    const port = (await runToxiproxyCli(['list'], proxy.apiUrl)).split('\t')[1]?.split(':').at(-1);
    await fetch(`${proxy.apiUrl}/proxies/p`, {
      method: 'POST',
      body: JSON.stringify({ upstream: `${to}:${port}`, listen: `${host}:${port}` }),
    });
    expect(['end', 'ECONNRESET']).toContain(await endOf(await dial(`127.0.0.1:${port}`)));
    expect(connections).toBe(0);
  } finally {
    await proxy.stop();
  }
});
