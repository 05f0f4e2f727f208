import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, describeConfig, readConfig } from '../../../server/config/config.ts';
import { secret } from '../../../server/config/parse.ts';
import { flagOf, MAX_TARGETS, SETTINGS, type Setting } from '../../../server/config/settings.ts';
import { MAX_PROBES } from '../../../server/protocol/pod-report.ts';
import { PATHS } from '../../../server/protocol/sample.ts';
import { MAX_DATAGRAM_BYTES, MIN_DATAGRAM_BYTES } from '../../../server/protocol/udp-datagram.ts';
import FLAGS from '../../fixtures/goldpinger/flags.json';

/** Goldpinger's settings: variable, flag, a value other than the default, and what must come of it. */
const GOLDPINGER: [variable: string, flag: string, value: string, config: Partial<Config>][] = [
  ['HOST', '--host', '0.0.0.0', { host: '0.0.0.0', allowLoopback: false }],
  ['PORT', '--port', '9090', { port: 9090, clientPort: 9090 }],
  ['CLIENT_PORT_OVERRIDE', '--client-port-override', '9090', { port: 8080, clientPort: 9090 }],
  ['REFRESH_INTERVAL', '--refresh-interval', '1.5', { refreshIntervalMs: 1500 }],
  ['JITTER_FACTOR', '--jitter-factor', '0.5', { jitterFactor: 0.5 }],
  ['HOSTNAME', '--hostname', 'node-1', { hostname: 'node-1' }],
  ['POD_IP', '--pod-ip', '10.0.0.1', { podIP: '10.0.0.1' }],
  ['POD_NAME', '--pod-name', 'goldpinger-1', { podName: 'goldpinger-1' }],
  ['NAMESPACE', '--namespace', 'prod', { namespace: 'prod' }],
  ['LABEL_SELECTOR', '--label-selector', 'app in (a, b),!c', { labelSelector: 'app in (a, b),!c' }],
  ['KUBECONFIG', '--kubeconfig', '/dev/null:/nowhere', { kubeconfig: '/dev/null:/nowhere' }],
  ['USE_HOST_IP', '--use-host-ip', 'true', { useHostIP: true }],
  ['IP_VERSIONS', '--ip-versions', '4,6', { families: [4, 6] }],
  ['PING_NUMBER', '--ping-number', '7', { pingNumber: 7 }],
  ['ACTIVE_NODE_PERCENTAGE', '--active-node-percentage', '7', { activeNodePercentage: 7 }],
  ['ACTIVE_NODES', '--active-nodes', 'a,b', { activeNodes: ['a', 'b'] }],
  ['DISPLAY_NODENAME', '--display-nodename', 'true', { displayNodeName: true }],
  ['HOSTS_TO_RESOLVE', '--host-to-resolve', 'a b', { hostsToResolve: ['a', 'b'] }],
  ['TCP_TARGETS', '--tcp-targets', 'a:1 b:2', { tcpTargets: ['a:1', 'b:2'] }],
  ['HTTP_TARGETS', '--http-targets', 'http://a https://b', { httpTargets: ['http://a', 'https://b'] }],
  ['UDP_ENABLED', '--udp-enabled', 'true', { udpEnabled: true }],
  ['UDP_PORT', '--udp-port', '7000', { udpPort: 7000 }],
  ['UDP_PACKET_COUNT', '--udp-packet-count', '20', { udpPacketCount: 20 }],
  ['UDP_PACKET_SIZE', '--udp-packet-size', '1500', { udpPacketSize: 1500 }],
  ['UDP_TIMEOUT', '--udp-timeout', '500ms', { udpTimeoutMs: 500 }],
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

function run(args: string[], env: Record<string, string> = {}): { config: Config; warnings: string[] } {
  const result = readConfig('1.2.3', args, env);
  if (result.kind !== 'run') throw new Error(JSON.stringify(result));
  return result;
}

function errorsOf(args: string[], env: Record<string, string> = {}): string[] {
  const result = readConfig('1.2.3', args, env);
  if (result.kind !== 'invalid') throw new Error(`expected errors, got ${result.kind}`);
  return result.errors;
}

describe('readConfig', () => {
  it("has Goldpinger's defaults", () => {
    const { config, warnings } = run([]);
    expect(config).toMatchObject({
      host: 'localhost',
      port: 8080,
      clientPort: 8080,
      refreshIntervalMs: 30_000,
      jitterFactor: 0.05,
      namespace: null,
      labelSelector: 'app=goldpinger',
      families: [4],
      pingNumber: 0,
      pingTimeoutMs: 300,
      udpEnabled: false,
      udpPort: 6969,
      udpPacketCount: 10,
      udpPacketSize: 64,
      udpTimeoutMs: 1000,
      checkTimeoutMs: 1000,
      checkAllTimeoutMs: 5000,
      tcpTimeoutMs: 500,
      dnsTimeoutMs: 500,
      httpTimeoutMs: 500,
    });
    expect(warnings).toEqual([]);
  });

  it('lets a flag win over its variable', () => {
    expect(run(['--port', '9090'], { PORT: '7070' }).config.port).toBe(9090);
    expect(run(['--port=9090'], { PORT: 'nonsense' }).config.port).toBe(9090);
  });

  it('calls peers on its own port by default', () => {
    expect(run([], { PORT: '9090' }).config.clientPort).toBe(9090);
    expect(run([], { PORT: '9090', CLIENT_PORT_OVERRIDE: '8080' }).config.clientPort).toBe(8080);
  });

  it('distinguishes an unset NAMESPACE from an empty one', () => {
    expect(run([]).config.namespace).toBeNull();
    expect(run([], { NAMESPACE: '' }).config.namespace).toBe('');
    expect(run([], { NAMESPACE: 'prod' }).config.namespace).toBe('prod');
  });

  it('reads templates of links to other tools, and refuses two of one name', () => {
    const LINK_TEMPLATES = 'Logs=https://logs.example.com/{pod} Grafana=http://grafana/?node={node}';
    expect(run([], { LINK_TEMPLATES }).config.linkTemplates.map(({ name }) => name)).toEqual(['Logs', 'Grafana']);
    expect(errorsOf([], { LINK_TEMPLATES: 'a=https://b/ a=https://c/' })).toEqual([
      expect.stringContaining('two templates have the name a'),
    ]);
  });

  it('takes a switch without a value', () => {
    expect(run(['--use-host-ip', '--port', '1']).config.useHostIP).toBe(true);
    expect(run(['--metrics-per-peer=false']).config.metricsPerPeer).toBe(false);
  });

  it('splits targets at spaces', () => {
    expect(run([], { TCP_TARGETS: ' a:1  b:2 ' }).config.tcpTargets).toEqual(['a:1', 'b:2']);
  });

  it('takes as many external targets as a pod report holds besides all paths, and names the three settings if there are more', () => {
    expect(MAX_TARGETS + PATHS.length).toBeLessThanOrEqual(MAX_PROBES);
    const entries = (count: number) => Array.from({ length: count }, (_, i) => `h${i}:1`).join(' ');
    const most = { HOSTS_TO_RESOLVE: 'a.test', TCP_TARGETS: entries(MAX_TARGETS - 2), HTTP_TARGETS: 'http://b/' };
    expect(run([], most).config.tcpTargets).toHaveLength(MAX_TARGETS - 2);
    expect(errorsOf([], { ...most, HOSTS_TO_RESOLVE: 'a.test c.test' })).toEqual([
      'HOSTS_TO_RESOLVE, TCP_TARGETS, HTTP_TARGETS: 491 entries, expected at most 490 together',
    ]);
  });

  it("adds up a list's flag that is given several times, as Goldpinger does; of any other the last counts", () => {
    const { config } = run(['--tcp-targets', 'a:1', '--tcp-targets=b:2', '--port=1', '--port=2'], {
      TCP_TARGETS: 'c:3',
    });
    expect(config.tcpTargets).toEqual(['a:1', 'b:2']);
    expect(config.port).toBe(2);
    expect(run(['--ip-versions=4', '--ip-versions=6']).config.families).toEqual([4, 6]);
  });

  it('accepts the deprecated *_TIMEOUT_MS with a warning, but prefers the new name', () => {
    const old = run([], { PING_TIMEOUT_MS: '250' });
    expect(old.config.pingTimeoutMs).toBe(250);
    expect(old.warnings).toHaveLength(1);
    expect(old.warnings[0]).toContain('PING_TIMEOUT_MS is deprecated: use PING_TIMEOUT');
    const both = run([], { PING_TIMEOUT_MS: '250', PING_TIMEOUT: '1s' });
    expect(both.config.pingTimeoutMs).toBe(1000);
    expect(both.warnings).toEqual([]);
  });

  it('warns once of each ignored setting', () => {
    const { warnings } = run([], { STATIC_FILE_PATH: '/static', ZAP_CONFIG: '/zap.json' });
    expect(warnings.map((warning) => warning.split(' ')[0])).toEqual(['STATIC_FILE_PATH', 'ZAP_CONFIG']);
  });

  it("accepts the flags of Goldpinger's HTTP server, with one warning each", () => {
    const { config, warnings } = run(['--read-timeout', '30s', '--scheme=http', '--scheme=http', '--listen-limit=9']);
    expect(config).toEqual(run([]).config);
    expect(warnings.map((warning) => warning.split(' ')[0])).toEqual(['--read-timeout', '--scheme', '--listen-limit']);
  });

  it.each([
    ...['read-timeout', 'write-timeout', 'keep-alive', 'cleanup-timeout', 'graceful-timeout', 'max-header-size'],
    ...['listen-limit', 'socket-path'],
  ])('starts with --%s, and warns once', (name) => {
    const { config, warnings } = run([`--${name}=9`, `--${name}`, '8']);
    expect(config).toEqual(run([]).config);
    expect(warnings).toEqual([expect.stringContaining(`--${name} `)]);
  });

  it('refuses every flag for TLS', () => {
    const flags = FLAGS.map(([flag]) => String(flag)).filter((flag) => flag.startsWith('--tls-'));
    expect(flags).toHaveLength(9);
    for (const flag of flags) expect(errorsOf([flag, '1'])).toEqual([expect.stringContaining('plain HTTP only')]);
  });

  it("has the bounds of Goldpinger's datagrams, and its name for the flag of HOSTS_TO_RESOLVE", () => {
    for (const size of [MIN_DATAGRAM_BYTES, MAX_DATAGRAM_BYTES]) {
      expect(run([], { UDP_PACKET_SIZE: `${size}` }).config.udpPacketSize).toBe(size);
    }
    for (const size of [MIN_DATAGRAM_BYTES - 1, MAX_DATAGRAM_BYTES + 1]) {
      expect(errorsOf([], { UDP_PACKET_SIZE: `${size}` })).toEqual([expect.stringContaining('UDP_PACKET_SIZE')]);
    }
    expect(errorsOf(['--hosts-to-resolve', 'a'])[0]).toContain('--hosts-to-resolve: no such flag');
  });

  it('refuses flags for TLS, which it does not serve', () => {
    const errors = errorsOf(['--scheme=https', '--tls-certificate', '/x.pem', '--tls-port=1', '--scheme', 'unix']);
    expect(errors.map((error) => error.split(':')[0])).toEqual([
      '--scheme=https',
      '--tls-certificate',
      '--tls-port',
      '--scheme=unix',
    ]);
    for (const error of errors) expect(error).toContain('plain HTTP only');
  });

  it('refuses a REFRESH_INTERVAL that would ping without a pause', () => {
    expect(run([], { REFRESH_INTERVAL: '0.05' }).config.refreshIntervalMs).toBe(50);
    expect(errorsOf([], { REFRESH_INTERVAL: '0.0001' })).toEqual([
      'REFRESH_INTERVAL=0.0001: expected a number from 0.05 to 86400',
    ]);
  });

  it.each(['--constructor', '--toString', '--__proto__=1'])('knows no flag %s', (flag) => {
    expect(errorsOf([flag])).toHaveLength(1);
  });

  it.each([
    ['REFRESH_INTERVAL', '-1', { refreshIntervalMs: 0 }],
    ['REFRESH_INTERVAL', '5e-1', { refreshIntervalMs: 500 }],
    ['JITTER_FACTOR', '5e-2', { jitterFactor: 0.05 }],
    ['PING_NUMBER', '+007', { pingNumber: 7 }],
    ['USE_HOST_IP', 'T', { useHostIP: true }],
    ['PING_TIMEOUT', '+300ms', { pingTimeoutMs: 300 }],
    ['CHECK_ALL_TIMEOUT', '25h', { checkAllTimeoutMs: 90_000_000 }],
    ['CLIENT_PORT_OVERRIDE', '0', { clientPort: 8080 }],
    ['PING_TIMEOUT_MS', '+250', { pingTimeoutMs: 250 }],
  ])('takes %s=%s as Go does', (variable, value, expected) => {
    expect(run([], { [variable]: value }).config).toMatchObject(expected);
  });

  it('takes a timeout of 0 as not set, as Goldpinger does', () => {
    expect(run([], { PING_TIMEOUT: '0s', PING_TIMEOUT_MS: '250' }).config.pingTimeoutMs).toBe(250);
    expect(run([], { PING_TIMEOUT: '0' }).config.pingTimeoutMs).toBe(300);
  });

  it('decides by HOSTNAME whether it is active, and brings a percentage into 1 to 100 with a warning', () => {
    expect(run([], { HOSTNAME: 'node-1' }).config.isActive).toBe(true);
    expect(run([], { HOSTNAME: 'node-1', ACTIVE_NODE_PERCENTAGE: '1' }).config.isActive).toBe(false);
    expect(run([], { HOSTNAME: 'node-1', ACTIVE_NODE_PERCENTAGE: '1', ACTIVE_NODES: 'a,node-1' }).config.isActive).toBe(
      true,
    );
    for (const [given, used] of [
      ['0', 1],
      ['-3', 1],
      ['150', 100],
    ] as const) {
      const { config, warnings } = run([], { ACTIVE_NODE_PERCENTAGE: given });
      expect(config.activeNodePercentage).toBe(used);
      expect(warnings).toEqual([`ACTIVE_NODE_PERCENTAGE=${given}: expected 1 to 100; ${used} is used`]);
    }
  });

  it("prints the buckets of nodes in Goldpinger's words", () => {
    const result = readConfig('1', ['--check-node-hash', 'node-1', '--check-node-hash=node-2'], {});
    expect(result).toEqual({
      kind: 'print',
      text: expect.stringMatching(
        /^node-1: bucket (\d+) \(active when ACTIVE_NODE_PERCENTAGE >= \d+\)\nnode-2: bucket .*\n$/,
      ),
    });
  });

  it('names every bad setting at once', () => {
    const errors = errorsOf(['--prot', '1', '--ping-timeout'], {
      PORT: '99999',
      REFRESH_INTERVAL: 'soon',
      IP_VERSIONS: '5',
      USE_HOST_IP: 'maybe',
      CHECK_TIMEOUT: '1',
      CHECK_ALL_TIMEOUT_MS: '1s',
    });
    const names = errors.map((error) => error.split(/[=:]/, 1)[0]).sort();
    const wrong = 'CHECK_ALL_TIMEOUT_MS CHECK_TIMEOUT IP_VERSIONS PORT REFRESH_INTERVAL USE_HOST_IP';
    expect(names).toEqual(['--ping-timeout', '--prot', ...wrong.split(' ')]);
  });

  it('names an unknown flag once, without its value, and every argument that is no flag', () => {
    const errors = errorsOf(['--prot', '1', 'stray', '-xyz', '--use-host-ip', 'false', '--a=b', '--', 'x'.repeat(100)]);
    const names = errors.map((error) => error.split(':')[0]);
    expect(names).toEqual(['--prot', 'stray', '-xyz', 'false', '--a', 'x'.repeat(80)]);
  });

  it('takes a value that begins with a dash', () => {
    expect(errorsOf(['--jitter-factor', '-1'])).toEqual(['--jitter-factor=-1: expected a number from 0 to 10']);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        fc.dictionary(fc.constantFrom(...Object.values(SETTINGS).map(({ variable }) => variable)), fc.string()),
        (args, env) => ['run', 'print', 'invalid'].includes(readConfig('1', args, env).kind),
      ),
    );
  });

  it('prints every setting with its flag in --help', () => {
    const result = readConfig('1.2.3', ['--help'], {});
    if (result.kind !== 'print') throw new Error('expected text');
    for (const setting of Object.values(SETTINGS)) {
      expect(result.text).toContain(`${flagOf(setting)}, ${setting.variable}`);
    }
    expect(Math.max(...result.text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(readConfig('1.2.3', ['-h'], {})).toEqual(result);
    expect(readConfig('1.2.3', ['--version'], {})).toEqual({ kind: 'print', text: '1.2.3\n' });
  });

  it('logs itself by variable and without passwords', () => {
    const { config } = run([], { HTTP_TARGETS: 'https://user:secret@example.org/' });
    const shown = describeConfig(config);
    expect(shown).toMatchObject({ PING_TIMEOUT: '300ms', GONE_RETENTION: '5m', PORT: 8080 });
    expect(JSON.stringify(shown)).not.toContain('secret');
  });

  it('neither logs a token nor repeats it in a message, and refuses one that could be guessed', () => {
    const { config } = run([], { WRITE_TOKEN: 'a-token-of-some-length' });
    expect(config.writeToken).toBe('a-token-of-some-length');
    expect(JSON.stringify(describeConfig(config))).not.toContain('a-token');
    expect(describeConfig(config)).toMatchObject({ WRITE_TOKEN: '***' });
    const short = readConfig('1.0.0', [], { WRITE_TOKEN: 'short' });
    expect(short).toMatchObject({
      kind: 'invalid',
      errors: [expect.stringMatching(/^WRITE_TOKEN=\*\*\*: expected 16/)],
    });
  });
});

describe("Goldpinger's flags", () => {
  // The flags, variables and switches (flags without a value) that its source of 2026 declares.
  it.each(FLAGS as [string, string, boolean][])('%s is known, and sets %s', (flag, variable, isSwitch) => {
    const settings = Object.values(SETTINGS) as Setting<unknown>[];
    const named = settings.flatMap((setting) => [setting, ...(setting.deprecated ? [setting.deprecated] : [])]);
    const setting = named.find((candidate) => flagOf(candidate) === flag);
    expect(setting?.variable ?? '').toBe(variable);
    const result = readConfig('1', isSwitch ? [flag] : [flag, '1'], {});
    expect(result.kind === 'invalid' ? result.errors.join() : '').not.toContain('no such flag');
    // A flag that takes a value needs one.
    const alone = readConfig('1', [flag], {});
    expect(alone.kind).toBe(isSwitch ? 'run' : 'invalid');
  });
});

describe("Goldpinger's settings", () => {
  const { config: byDefault } = run([]);

  it.each(GOLDPINGER)('%s and %s', (variable, flag, value, expected) => {
    expect(byDefault).not.toMatchObject(expected);
    // REFRESH_INTERVAL is in the configuration twice: as it was given, and in ms.
    const { refreshIntervalMs } = expected;
    const seconds = refreshIntervalMs === undefined ? {} : { refreshIntervalS: refreshIntervalMs / 1000 };
    // That setting changes, and nothing else.
    const whole = { ...byDefault, ...expected, ...seconds };
    expect(run([], { [variable]: value }).config).toEqual(whole);
    expect(run([`${flag}=${value}`]).config).toEqual(whole);
    // A switch takes no word after it, as in Goldpinger.
    expect(run(value === 'true' ? [flag] : [flag, value]).config).toEqual(whole);
  });
});

describe('PATH_CHECKS', () => {
  const inCluster = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' };

  it('names paths in any order, with commas or spaces, or by a repeated flag', () => {
    expect(run([]).config.pathChecks).toEqual([]);
    expect(run([], { PATH_CHECKS: 'dns, service' }).config.pathChecks).toEqual(['service', 'dns']);
    expect(run(['--path-checks', 'dns', '--path-checks=service']).config.pathChecks).toEqual(['service', 'dns']);
    expect(errorsOf([], { PATH_CHECKS: 'dns,services' })).toEqual([
      'PATH_CHECKS=dns,services: expected some of service, ingress, dns, apiserver',
    ]);
  });

  it.each([
    ['10.96.0.1', '6443', 'https://10.96.0.1:6443/livez'],
    ['fd00::1', '443', 'https://[fd00::1]:443/livez'],
  ])('finds the API server at %s, port %s, which Kubernetes names to every pod', (host, port, url) => {
    const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, PATH_CHECKS: 'apiserver' };
    expect(run([], env).config.pathApiserverUrl).toBe(url);
    const own = 'https://api.test/livez';
    expect(run([], { ...env, PATH_APISERVER_URL: own }).config.pathApiserverUrl).toBe(own);
  });

  it('needs a URL of what nothing tells, and says so beside all other errors', () => {
    expect(errorsOf([], { PATH_CHECKS: 'ingress,apiserver', PORT: 'x' })).toEqual([
      'PORT=x: expected a whole number from 1 to 65535',
      'PATH_CHECKS=ingress: set PATH_INGRESS_URL',
      'PATH_CHECKS=apiserver: set PATH_APISERVER_URL outside of a cluster',
    ]);
    expect(errorsOf([], { PATH_CHECKS: 'apiserver', ...inCluster, KUBERNETES_SERVICE_HOST: 'a b' })).toHaveLength(1);
    expect(run([], { PATH_CHECKS: 'apiserver', ...inCluster }).warnings).toEqual([]);
  });

  it.each(['PATH_SERVICE_URL', 'PATH_INGRESS_URL', 'PATH_APISERVER_URL'])(
    'takes only http and https for %s',
    (variable) => {
      for (const url of ['ftp://x/', 'x', 'http://', 'http://a b/', `http://${'x'.repeat(2100)}/`]) {
        expect(errorsOf([], { [variable]: url })).toEqual([expect.stringContaining('expected a URL such as')]);
      }
      expect(errorsOf([], { [variable]: 'http://me:pw@[' })[0]).toMatch(
        new RegExp(`^${variable}=http://\\[: expected`),
      );
      const shown = describeConfig(run([], { [variable]: 'http://me:pw@host/ping' }).config);
      expect(shown[variable]).toBe('http://host/ping');
    },
  );

  it('takes only a host name for PATH_DNS_NAME', () => {
    expect(run([], { PATH_DNS_NAME: 'a-b.c_d.local.' }).config.pathDnsName).toBe('a-b.c_d.local.');
    for (const name of ['a b', 'http://a', 'a..b', '.', 'x'.repeat(254)]) {
      expect(errorsOf([], { PATH_DNS_NAME: name })).toHaveLength(1);
    }
  });
});

it('a flag with a password or a token is reported, so that the process hides its command line', () => {
  const hides = (args: string[], env = {}) => {
    const result = readConfig('1.2.3', args, env);
    return result.kind === 'run' && result.hasSecretFlag;
  };
  const url = 'http://me:pw@host/';
  for (const flag of ['http-targets', 'path-service-url', 'path-ingress-url']) {
    expect([flag, hides([`--${flag}=${url}`])]).toEqual([flag, true]);
  }
  expect(hides(['--write-token', 'a-token-of-16-characters'])).toBe(true);
  expect(hides(['--http-targets', 'http://host/', '--port', '1'], { HTTP_TARGETS: url, PATH_INGRESS_URL: url })).toBe(
    false,
  );
});

describe('the mark `secret` of a setting', () => {
  const settings: Setting<unknown>[] = Object.values(SETTINGS);
  const marked = settings.filter(({ secret }) => secret !== undefined);
  it.each(marked.map((setting) => [setting.variable, setting] as const))('%s is never shown', (variable, setting) => {
    const pw = 'p455word-0123456789';
    const credentials = [`https://me:${pw}@a/`, `me:${pw}@a:1 me:${pw}@b`, `A=http://me:${pw}@a/`];
    const flag = flagOf(setting);
    for (const value of setting.secret === 'all' ? [pw, `${pw} ${pw}`] : credentials) {
      const [byVariable, byFlag] = [
        readConfig('1', [], { [variable]: value }),
        readConfig('1', [`${flag}=${value}`], {}),
      ];
      for (const result of [byVariable, byFlag]) {
        const shown = result.kind === 'run' ? { ...result, config: describeConfig(result.config) } : result;
        expect(JSON.stringify(shown)).toMatch(new RegExp(`${variable}|${flag}`));
        expect(JSON.stringify(shown)).not.toContain(pw);
      }
      if (byFlag.kind === 'run') expect(byFlag.hasSecretFlag).toBe(true);
    }
  });

  it('has every setting that takes a token, or a URL with a password', () => {
    const takes = ({ parse }: Setting<unknown>, text: string) => {
      try {
        return parse(text) !== undefined;
      } catch {
        return false;
      }
    };
    // These take every text, and are names and addresses.
    const names = [
      'HOST',
      'NAMESPACE',
      'HOSTNAME',
      'POD_IP',
      'POD_NAME',
      'ACTIVE_NODES',
      'STATIC_FILE_PATH',
      'ZAP_CONFIG',
    ];
    const unmarked = settings.filter(
      (setting) => setting.secret === undefined && takes(setting, 'https://me:pw@example.org/'),
    );
    expect(unmarked.map(({ variable }) => variable)).toEqual(names);
    // A URL that is refused is shown in the message.
    expect(settings.filter(({ help, secret: mark }) => /\bURLs?\b/.test(help) && mark === undefined)).toEqual([]);
    expect(settings.filter(({ parse }) => parse === secret).map((setting) => setting.secret)).toEqual(['all']);
  });
});
