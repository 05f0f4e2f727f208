import { parseArgs } from 'node:util';
import { textOf } from '../../../server/runtime/errors.ts';
import { wallClock } from '../wall-clock.ts';
import { API_VERSION } from './api.ts';
import { startFaultProxy } from './fault-proxy.ts';

/** Toxiproxy's flags, with one dash or two as Go takes them. */
function readFlags(args: string[]) {
  const { values } = parseArgs({
    args: args.map((arg) => arg.replace(/^-(?=[a-z]{2})/, '--')),
    options: {
      host: { type: 'string', default: 'localhost' },
      port: { type: 'string', default: '8474' },
      version: { type: 'boolean', default: false },
    },
  });
  return values;
}

async function main(): Promise<void> {
  const { host, port, version } = readFlags(process.argv.slice(2));
  if (version) {
    process.stdout.write(`toxiproxy-server version ${API_VERSION}\n`);
    process.exit(0);
  }
  const { POD_IP_HERE = '', POD_INNER_IP_HERE = '', POD_REDIRECTED_HERE = '' } = process.env;
  const redirected = POD_REDIRECTED_HERE.split(',').filter(Boolean).map(Number);
  const proxy = await startFaultProxy({
    api: { host, port: Number(port) },
    network: { podIP: POD_IP_HERE, innerIP: POD_INNER_IP_HERE, redirected },
    clock: wallClock,
    random: Math.random,
  });
  process.stdout.write(`API of the fault proxy at ${proxy.apiUrl}\n`);
  const end = () => {
    void proxy.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

main().catch((error: unknown) => {
  process.stderr.write(`${textOf(error)}\n`);
  process.exit(1);
});
