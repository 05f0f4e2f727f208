import { parseArgs } from 'node:util';
import { realClock } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import { networkFromEnv } from '../pod-network.ts';
import { API_VERSION, startFaultProxy } from './fault-proxy.ts';

main().catch((error: unknown) => {
  process.stderr.write(`${textOf(error)}\n`);
  process.exit(1);
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    // Toxiproxy's flags have one dash or two, as Go accepts them.
    args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-z]{2})/, '--')),
    options: {
      host: { type: 'string', default: 'localhost' },
      port: { type: 'string', default: '8474' },
      version: { type: 'boolean', default: false },
    },
  });
  if (values.version) {
    process.stdout.write(`toxiproxy-server version ${API_VERSION}\n`);
    process.exit(0);
  }
  const proxy = await startFaultProxy({
    api: { host: values.host, port: Number(values.port) },
    network: networkFromEnv(process.env),
    clock: realClock,
    random: Math.random,
  });
  process.stdout.write(`API of the fault proxy at ${proxy.apiUrl}\n`);
  const stop = () => void proxy.stop().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
