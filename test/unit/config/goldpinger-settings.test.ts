import { describe, expect, it } from 'vitest';
import { type Config, readConfig } from '../../../server/config/config.ts';

/** Goldpinger's settings: variable, flag, a value other than the default, and what must come of it. */
const GOLDPINGER: [variable: string, flag: string, value: string, config: Partial<Config>][] = [
  ['HOST', '--host', '0.0.0.0', { host: '0.0.0.0' }],
  ['PORT', '--port', '9090', { port: 9090, clientPort: 9090 }],
  ['CLIENT_PORT_OVERRIDE', '--client-port-override', '9090', { port: 8080, clientPort: 9090 }],
  ['REFRESH_INTERVAL', '--refresh-interval', '1.5', { refreshIntervalMs: 1500 }],
  ['JITTER_FACTOR', '--jitter-factor', '0.5', { jitterFactor: 0.5 }],
  ['HOSTNAME', '--hostname', 'node-1', { hostname: 'node-1' }],
  ['POD_IP', '--pod-ip', '10.0.0.1', { podIP: '10.0.0.1' }],
  ['POD_NAME', '--pod-name', 'goldpinger-1', { podName: 'goldpinger-1' }],
  ['NAMESPACE', '--namespace', 'prod', { namespace: 'prod' }],
  ['LABEL_SELECTOR', '--label-selector', 'app in (a, b),!c', { labelSelector: 'app in (a, b),!c' }],
  ['KUBECONFIG', '--kubeconfig', '/kube/config', { kubeconfig: '/kube/config' }],
  ['USE_HOST_IP', '--use-host-ip', 'true', { useHostIP: true }],
  ['IP_VERSIONS', '--ip-versions', '4,6', { families: [4, 6] }],
  ['PING_NUMBER', '--ping-number', '7', { pingNumber: 7 }],
  ['DISPLAY_NODENAME', '--display-nodename', 'true', { displayNodeName: true }],
  ['HOSTS_TO_RESOLVE', '--hosts-to-resolve', 'a b', { hostsToResolve: ['a', 'b'] }],
  ['TCP_TARGETS', '--tcp-targets', 'a:1 b:2', { tcpTargets: ['a:1', 'b:2'] }],
  ['HTTP_TARGETS', '--http-targets', 'http://a https://b', { httpTargets: ['http://a', 'https://b'] }],
  ['PING_TIMEOUT', '--ping-timeout', '1.5s', { pingTimeoutMs: 1500 }],
  ['CHECK_TIMEOUT', '--check-timeout', '1.5s', { checkTimeoutMs: 1500 }],
  ['CHECK_ALL_TIMEOUT', '--check-all-timeout', '1m', { checkAllTimeoutMs: 60_000 }],
  ['TCP_TARGETS_TIMEOUT', '--tcp-targets-timeout', '1s', { tcpTimeoutMs: 1000 }],
  ['DNS_TARGETS_TIMEOUT', '--dns-targets-timeout', '1s', { dnsTimeoutMs: 1000 }],
  ['HTTP_TARGETS_TIMEOUT', '--http-targets-timeout', '1s', { httpTimeoutMs: 1000 }],
  ['PING_TIMEOUT_MS', '--ping-timeout-ms', '77', { pingTimeoutMs: 77 }],
  ['CHECK_TIMEOUT_MS', '--check-timeout-ms', '77', { checkTimeoutMs: 77 }],
  ['CHECK_ALL_TIMEOUT_MS', '--check-all-timeout-ms', '77', { checkAllTimeoutMs: 77 }],
  ['TCP_TARGETS_TIMEOUT_MS', '--tcp-targets-timeout-ms', '77', { tcpTimeoutMs: 77 }],
  ['DNS_TARGETS_TIMEOUT_MS', '--dns-targets-timeout-ms', '77', { dnsTimeoutMs: 77 }],
  ['HTTP_TARGETS_TIMEOUT_MS', '--http-targets-timeout-ms', '77', { httpTimeoutMs: 77 }],
];

function configOf(args: string[], env: Record<string, string>): Config {
  const result = readConfig('1.2.3', args, env);
  if (result.kind !== 'run') throw new Error(JSON.stringify(result));
  return result.config;
}

describe("Goldpinger's settings", () => {
  it.each(GOLDPINGER)('%s and %s', (variable, flag, value, expected) => {
    const byDefault = configOf([], {});
    // A switch takes no word after it, as in Goldpinger.
    const words = value === 'true' ? [flag] : [flag, value];
    for (const [args, env] of [
      [[], { [variable]: value }],
      [words, {}],
      [[`${flag}=${value}`], {}],
    ] as const) {
      // That setting, and nothing else.
      expect(configOf([...args], env)).toEqual({ ...byDefault, ...expected, ...secondsOf(expected) });
    }
    expect(byDefault).not.toMatchObject(expected);
  });
});

/** REFRESH_INTERVAL stands in the configuration twice: as it was given, and in ms. */
function secondsOf({ refreshIntervalMs }: Partial<Config>): Partial<Config> {
  return refreshIntervalMs === undefined ? {} : { refreshIntervalS: refreshIntervalMs / 1000 };
}
