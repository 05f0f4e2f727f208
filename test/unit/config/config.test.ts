import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, describeConfig, readConfig } from '../../../server/config/config.ts';
import { secret } from '../../../server/config/parse.ts';
import { flagOf, MAX_TARGETS, SETTINGS, type Setting } from '../../../server/config/settings.ts';
import { MAX_PROBES } from '../../../server/protocol/pod-report.ts';
import { PATHS } from '../../../server/protocol/sample.ts';
import { MAX_DATAGRAM_BYTES, MIN_DATAGRAM_BYTES } from '../../../server/protocol/udp-datagram.ts';
import FLAGS from '../../fixtures/goldpinger/flags.json';

/** Goldpinger's settings: a value other than the default, what must come of it, and what comes of the default. */
const GOLDPINGER: Record<string, [value: string, config: Partial<Config>, byDefault: unknown]> = {
  HOST: ['0.0.0.0', { host: '0.0.0.0', allowLoopback: false }, 'localhost'],
  PORT: ['9090', { port: 9090, clientPort: 9090 }, 8080],
  CLIENT_PORT_OVERRIDE: ['9090', { clientPort: 9090, port: 8080 }, 8080],
  REFRESH_INTERVAL: ['1.5', { refreshIntervalMs: 1500 }, 30_000],
  JITTER_FACTOR: ['0.5', { jitterFactor: 0.5 }, 0.05],
  HOSTNAME: ['node-1', { hostname: 'node-1' }, ''],
  POD_IP: ['10.0.0.1', { podIP: '10.0.0.1' }, ''],
  POD_NAME: ['goldpinger-1', { podName: 'goldpinger-1' }, ''],
  NAMESPACE: ['prod', { namespace: 'prod' }, null],
  LABEL_SELECTOR: ['app in (a, b),!c', { labelSelector: 'app in (a, b),!c' }, 'app=goldpinger'],
  KUBECONFIG: ['/dev/null:/nowhere', { kubeconfig: '/dev/null:/nowhere' }, null],
  USE_HOST_IP: ['true', { useHostIP: true }, false],
  IP_VERSIONS: ['4,6', { families: [4, 6] }, [4]],
  PING_NUMBER: ['7', { pingNumber: 7 }, 0],
  ACTIVE_NODE_PERCENTAGE: ['7', { activeNodePercentage: 7 }, 100],
  ACTIVE_NODES: ['a,b', { activeNodes: ['a', 'b'] }, []],
  DISPLAY_NODENAME: ['true', { displayNodeName: true }, false],
  HOSTS_TO_RESOLVE: ['a b', { hostsToResolve: ['a', 'b'] }, []],
  TCP_TARGETS: ['a:1 b:2', { tcpTargets: ['a:1', 'b:2'] }, []],
  HTTP_TARGETS: ['http://a https://b', { httpTargets: ['http://a', 'https://b'] }, []],
  UDP_ENABLED: ['true', { udpEnabled: true }, false],
  UDP_PORT: ['7000', { udpPort: 7000 }, 6969],
  UDP_PACKET_COUNT: ['20', { udpPacketCount: 20 }, 10],
  UDP_PACKET_SIZE: ['1500', { udpPacketSize: 1500 }, 64],
  UDP_TIMEOUT: ['500ms', { udpTimeoutMs: 500 }, 1000],
  PING_TIMEOUT: ['1.5s', { pingTimeoutMs: 1500 }, 300],
  CHECK_TIMEOUT: ['1.5s', { checkTimeoutMs: 1500 }, 1000],
  CHECK_ALL_TIMEOUT: ['1m', { checkAllTimeoutMs: 60_000 }, 5000],
  TCP_TARGETS_TIMEOUT: ['1s', { tcpTimeoutMs: 1000 }, 500],
  DNS_TARGETS_TIMEOUT: ['1s', { dnsTimeoutMs: 1000 }, 500],
  HTTP_TARGETS_TIMEOUT: ['1s', { httpTimeoutMs: 1000 }, 500],
  PING_TIMEOUT_MS: ['77', { pingTimeoutMs: 77 }, 300],
  CHECK_TIMEOUT_MS: ['77', { checkTimeoutMs: 77 }, 1000],
  CHECK_ALL_TIMEOUT_MS: ['77', { checkAllTimeoutMs: 77 }, 5000],
  TCP_TARGETS_TIMEOUT_MS: ['77', { tcpTimeoutMs: 77 }, 500],
  DNS_TARGETS_TIMEOUT_MS: ['77', { dnsTimeoutMs: 77 }, 500],
  HTTP_TARGETS_TIMEOUT_MS: ['77', { httpTimeoutMs: 77 }, 500],
};

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

/** Rows of values which all have one error. */
const allOf = (variable: string, values: string[], message: string) =>
  values.map((value) => [variable, value, message]);

describe('readConfig', () => {
  it("adds up a list's flag that is given several times, as Goldpinger does; of any other the last counts", () => {
    const args = ['--tcp-targets', 'a:1', '--tcp-targets=b:2', '--port=1', '--port=2'];
    // A flag wins over its variable.
    const { config } = run(args, { TCP_TARGETS: 'c:3', PORT: 'nonsense' });
    expect(config).toMatchObject({ tcpTargets: ['a:1', 'b:2'], port: 2 });
    expect(run(['--ip-versions=4', '--ip-versions=6']).config.families).toEqual([4, 6]);
  });

  it.each<[variable: string, value: string, config: Partial<Config>]>([
    ['REFRESH_INTERVAL', '0.05', { refreshIntervalMs: 50 }],
    ['REFRESH_INTERVAL', '-1', { refreshIntervalMs: 0 }],
    ['REFRESH_INTERVAL', '5e-1', { refreshIntervalMs: 500 }],
    ['JITTER_FACTOR', '5e-2', { jitterFactor: 0.05 }],
    ['PING_NUMBER', '+007', { pingNumber: 7 }],
    ['USE_HOST_IP', 'T', { useHostIP: true }],
    ['PING_TIMEOUT', '+300ms', { pingTimeoutMs: 300 }],
    ['PING_TIMEOUT', '0', { pingTimeoutMs: 300 }],
    ['PING_TIMEOUT_MS', '+250', { pingTimeoutMs: 250 }],
    ['CHECK_ALL_TIMEOUT', '25h', { checkAllTimeoutMs: 90_000_000 }],
    ['HISTORY_WINDOW', '1.0000001h', { historyWindowMs: 3_600_000 }],
    ['CLIENT_PORT_OVERRIDE', '0', { clientPort: 8080 }],
    ['NAMESPACE', '', { namespace: '' }],
    ['TCP_TARGETS', ' a:1  b:2 ', { tcpTargets: ['a:1', 'b:2'] }],
    ['UDP_PACKET_SIZE', `${MIN_DATAGRAM_BYTES}`, { udpPacketSize: MIN_DATAGRAM_BYTES }],
    ['UDP_PACKET_SIZE', `${MAX_DATAGRAM_BYTES}`, { udpPacketSize: MAX_DATAGRAM_BYTES }],
    ['PATH_CHECKS', 'dns, service', { pathChecks: ['service', 'dns'] }],
    ['PATH_DNS_NAME', 'a-b.c_d.local.', { pathDnsName: 'a-b.c_d.local.' }],
    ['METRICS_PER_PEER', 'false', { metricsPerPeer: false }],
  ])('takes %s=%s', (variable, value, expected) => {
    expect(run([], { [variable]: value }).config).toMatchObject(expected);
  });

  it.each([
    // It would ping without a pause.
    ['REFRESH_INTERVAL', '0.0001', 'expected a number from 0.05 to 86400'],
    ['ACTIVE_NODE_PERCENTAGE', '50%', 'expected a whole number from 1 to 100'],
    ['UDP_PACKET_SIZE', `${MIN_DATAGRAM_BYTES - 1}`, 'expected a whole number from 16 to 1500'],
    ['UDP_PACKET_SIZE', `${MAX_DATAGRAM_BYTES + 1}`, 'expected a whole number from 16 to 1500'],
    ['LINK_TEMPLATES', 'a=https://b/ a=https://c/', 'two templates have the name a'],
    ['PATH_CHECKS', 'dns,services', 'expected some of service, ingress, dns, apiserver'],
    ...allOf('PATH_DNS_NAME', ['a b', 'http://a', 'a..b', '.', 'x'.repeat(254)], 'expected a host name such as kube'),
    ...['PATH_SERVICE_URL', 'PATH_INGRESS_URL', 'PATH_APISERVER_URL'].flatMap((variable) =>
      allOf(
        variable,
        ['ftp://x/', 'x', 'http://', 'http://a b/', `http://${'x'.repeat(2100)}/`],
        'expected a URL such as',
      ),
    ),
  ])('refuses %s=%s: %s', (variable, value, message) => {
    const start = `${variable}=${value.slice(0, 80)}: ${message}`;
    expect(errorsOf([], { [variable]: value }).map((error) => error.slice(0, start.length))).toEqual([start]);
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

  it('accepts the deprecated *_TIMEOUT_MS with a warning, but prefers the new name, unless it is 0', () => {
    const old = run([], { PING_TIMEOUT_MS: '250' });
    expect(old.warnings).toEqual([expect.stringContaining('PING_TIMEOUT_MS is deprecated: use PING_TIMEOUT')]);
    const both = run([], { PING_TIMEOUT_MS: '250', PING_TIMEOUT: '1s' });
    expect([both.config.pingTimeoutMs, both.warnings]).toEqual([1000, []]);
    expect(run([], { PING_TIMEOUT: '0s', PING_TIMEOUT_MS: '250' }).config.pingTimeoutMs).toBe(250);
  });

  it.each(['--constructor', '--toString', '--__proto__=1', '--hosts-to-resolve=a'])('knows no flag %s', (flag) => {
    expect(errorsOf([flag])).toEqual([expect.stringContaining('no such flag')]);
  });

  it('decides by HOSTNAME whether it is active, and brings a percentage into 1 to 100 with a warning', () => {
    const isActive = (env: Record<string, string>) => run([], { HOSTNAME: 'node-1', ...env }).config.isActive;
    expect(isActive({})).toBe(true);
    expect(isActive({ ACTIVE_NODE_PERCENTAGE: '1' })).toBe(false);
    expect(isActive({ ACTIVE_NODE_PERCENTAGE: '1', ACTIVE_NODES: 'a,node-1' })).toBe(true);
    for (const [given, used] of Object.entries({ '0': 1, '-3': 1, '150': 100 })) {
      const { config, warnings } = run([], { ACTIVE_NODE_PERCENTAGE: given });
      expect(config.activeNodePercentage).toBe(used);
      expect(warnings).toEqual([`ACTIVE_NODE_PERCENTAGE=${given}: expected 1 to 100; ${used} is used`]);
    }
  });

  it("prints the buckets of nodes in Goldpinger's words", () => {
    const result = readConfig('1', ['--check-node-hash', 'node-1', '--check-node-hash=node-2'], {});
    const text = /^node-1: bucket (\d+) \(active when ACTIVE_NODE_PERCENTAGE >= \d+\)\nnode-2: bucket .*\n$/;
    expect(result).toEqual({ kind: 'print', text: expect.stringMatching(text) });
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

  it('names an unknown flag once, without its value', () => {
    const errors = errorsOf(['--prot', '1', '-xyz', '--a=b', `--${'x'.repeat(100)}`]);
    expect(errors.map((error) => error.split(':')[0])).toEqual(['--prot', '-xyz', '--a', `--${'x'.repeat(78)}`]);
  });

  it('takes a number that begins with a dash, and any value after =, but no other flag for the value of a flag', () => {
    expect(errorsOf(['--jitter-factor', '-1'])).toEqual(['--jitter-factor=-1: expected a number from 0 to 10']);
    expect(run(['--refresh-interval', '-.5', '--pod-name=--a']).config).toMatchObject({ podName: '--a' });
    const expected = 'expected a value, but the next word begins with -; write';
    expect(
      errorsOf(['--pod-name', '--use-host-ip', '--write-token', '--display-nodename', '--namespace', '-n']),
    ).toEqual(
      ['--pod-name', '--write-token', '--namespace'].map(
        (flag) => `${flag}: ${expected} ${flag}=VALUE if it is the value`,
      ),
    );
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

  it('logs itself by variable, with durations in the notation of settings', () => {
    const { config, warnings } = run([]);
    expect(warnings).toEqual([]);
    expect(describeConfig(config)).toMatchObject({ PING_TIMEOUT: '300ms', GONE_RETENTION: '5m', PORT: 8080 });
  });
});

// The flags, their variables, and which are switches (flags without a value), as Goldpinger's source of 2026 declares them.
describe("Goldpinger's flags", () => {
  const { config: byDefault } = run([]);
  const flags = FLAGS as [flag: string, variable: string, isSwitch: boolean][];
  const settings = flags.filter(([, variable]) => variable in GOLDPINGER);
  const tls = flags.filter(([flag]) => flag.startsWith('--tls-'));
  const ignored = flags.filter((each) => ![...settings, ...tls].includes(each) && each[0] !== '--check-node-hash');

  it.each(settings)('%s and %s set the same, and have the default of Goldpinger', (flag, variable, isSwitch) => {
    const [value, expected, expectedByDefault] = GOLDPINGER[variable]!;
    const [name] = Object.keys(expected) as (keyof Config)[];
    expect(byDefault[name!]).toEqual(expectedByDefault);
    // REFRESH_INTERVAL is in the configuration twice: as it was given, and in ms.
    const { refreshIntervalMs } = expected;
    const seconds = refreshIntervalMs === undefined ? {} : { refreshIntervalS: refreshIntervalMs / 1000 };
    // That setting changes, and nothing else.
    const whole = { ...byDefault, ...expected, ...seconds };
    expect(run([], { [variable]: value }).config).toEqual(whole);
    expect(run([`${flag}=${value}`]).config).toEqual(whole);
    expect(run(isSwitch ? [flag] : [flag, value]).config).toEqual(whole);
    if (!isSwitch) expect(errorsOf([flag])).toEqual([`${flag}: expected a value`]);
  });

  it.each(ignored)('%s starts the server, changes nothing, and is warned of once', (flag, variable) => {
    const { config, warnings } = run([`${flag}=http`, flag, 'http']);
    expect(config).toEqual(byDefault);
    expect(warnings).toEqual([expect.stringMatching(`^${variable || flag} is `)]);
  });

  it.each(tls)('%s is refused: TLS is not served', (flag) => {
    expect(errorsOf([flag, '1'])).toEqual([expect.stringContaining('plain HTTP only')]);
  });

  it('--scheme may be http alone', () => {
    const schemes = errorsOf(['--scheme=https', '--scheme', 'unix']);
    expect(schemes.map((error) => error.split(':')[0])).toEqual(['--scheme=https', '--scheme=unix']);
  });

  it('may be among words that belong to none: each place is warned of, without the word, which may be a password', () => {
    const args = [
      'up',
      '--use-host-ip',
      'false',
      '--http-targets',
      'http://a',
      'http://me:s3cret@b',
      'c',
      '--',
      '--port',
    ];
    const result = run(args);
    expect(result.config).toEqual({ ...byDefault, useHostIP: true, httpTargets: ['http://a'] });
    const places = ['the command', '--use-host-ip', '--http-targets'];
    expect(result.warnings).toEqual(
      places.map((place) => expect.stringMatching(`^a word after ${place} belongs to no`)),
    );
    expect(JSON.stringify(result)).not.toContain('s3cret');
    // So that the list of processes does not show it.
    expect(result).toMatchObject({ hasSecretFlag: true });
  });
});

describe('PATH_CHECKS', () => {
  it.each([
    ['10.96.0.1', '6443', 'https://10.96.0.1:6443/livez'],
    ['fd00::1', '443', 'https://[fd00::1]:443/livez'],
  ])('finds the API server at %s, port %s, which Kubernetes names to every pod', (host, port, url) => {
    const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, PATH_CHECKS: 'apiserver' };
    const { config, warnings } = run([], env);
    expect([config.pathApiserverUrl, warnings]).toEqual([url, []]);
    const own = 'https://api.test/livez';
    expect(run([], { ...env, PATH_APISERVER_URL: own }).config.pathApiserverUrl).toBe(own);
  });

  it('needs a URL of what nothing tells, and says so beside all other errors', () => {
    expect(errorsOf([], { PATH_CHECKS: 'ingress,apiserver', PORT: 'x' })).toEqual([
      'PORT=x: expected a whole number from 1 to 65535',
      'PATH_CHECKS=ingress: set PATH_INGRESS_URL',
      'PATH_CHECKS=apiserver: set PATH_APISERVER_URL outside of a cluster',
    ]);
    expect(errorsOf([], { PATH_CHECKS: 'apiserver', KUBERNETES_SERVICE_HOST: 'a b' })).toHaveLength(1);
  });
});

it('a flag with a password or a token is reported, so that the process hides its command line; a variable is not', () => {
  const url = 'http://me:pw@host/';
  const args = ['--http-targets', 'http://host/', '--port', '1'];
  expect(readConfig('1.2.3', args, { HTTP_TARGETS: url, PATH_INGRESS_URL: url })).toMatchObject({
    kind: 'run',
    hasSecretFlag: false,
  });
});

it('a token that could be guessed is refused, and not repeated', () => {
  expect(errorsOf([], { WRITE_TOKEN: 'short' })).toEqual([expect.stringMatching(/^WRITE_TOKEN=\*\*\*: expected 16/)]);
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
    const names = 'HOST NAMESPACE HOSTNAME POD_IP POD_NAME ACTIVE_NODES STATIC_FILE_PATH ZAP_CONFIG'.split(' ');
    const unmarked = settings.filter(
      (setting) => setting.secret === undefined && takes(setting, 'https://me:pw@example.org/'),
    );
    expect(unmarked.map(({ variable }) => variable)).toEqual(names);
    // A URL that is refused is shown in the message.
    expect(settings.filter(({ help, secret: mark }) => /\bURLs?\b/.test(help) && mark === undefined)).toEqual([]);
    expect(settings.filter(({ parse }) => parse === secret).map((setting) => setting.secret)).toEqual(['all']);
  });
});
