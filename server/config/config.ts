import { formatDurationMs, parseGoDurationMs } from '../runtime/duration.ts';
import { textOf } from '../runtime/errors.ts';
import { hostPort, isLoopbackHost, withoutCredentials } from '../runtime/host-port.ts';
import { isActiveNode, nodeBucket } from '../runtime/node-mode.ts';
import { readCommandLine } from './command-line.ts';
import { helpText } from './help.ts';
import { flagOf, MAX_TARGETS, SETTINGS, type Setting, type SettingName } from './settings.ts';

type Values = { [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['parse']> };

/** The whole configuration, every value valid. Durations in ms, as their names say. */
export interface Config extends Omit<Values, 'clientPort' | 'namespace' | 'staticFilePath' | 'zapConfig'> {
  /** Port to call peers on. */
  clientPort: number;
  /** Namespace to list; '' = all, null = the service account's. */
  namespace: string | null;
  refreshIntervalMs: number;
  /** Whether this pod is active: see `isActiveNode`. */
  isActive: boolean;
  /** Whether pods may have loopback addresses: this one has one, or listens only there, as in the local cluster. */
  allowLoopback: boolean;
  /** The proxies of the environment. */
  proxies: { https: string; http: string; none: string };
}

/** What the command line and the environment ask for: to run, to print a text and end, or nothing that is valid. */
type ConfigResult =
  | {
      kind: 'run';
      config: Config;
      warnings: string[];
      /** Whether the command line has, or may have, a password or token: every user of the machine can read it. */
      hasSecretFlag: boolean;
    }
  | { kind: 'print'; text: string }
  | { kind: 'invalid'; errors: string[] };

type Environment = Record<string, string | undefined>;

/**
 * Reads the configuration, by default that of this process. `version` is for `--version`; `args` are without node and
 * script. `errors` name every bad setting at once, so that nobody has to restart for each of them. Never throws.
 */
export function readConfig(
  version: string,
  args: readonly string[] = process.argv.slice(2),
  env: Environment = process.env,
): ConfigResult {
  const line = readCommandLine(args);
  if (line.help) return { kind: 'print', text: helpText(version) };
  if (line.version) return { kind: 'print', text: `${version}\n` };
  if (line.nodeNames.length > 0 && line.errors.size === 0) {
    return { kind: 'print', text: line.nodeNames.map(bucketText).join('') };
  }
  const read = readSettings(line.values, env);
  const errors = [...line.errors, ...read.errors, ...errorsTogether(read.values, env)];
  if (errors.length > 0) return { kind: 'invalid', errors };
  const warnings = [...line.warnings, ...read.warnings];
  const values = read.values as Values;
  const { activeNodePercentage: given } = values;
  const activeNodePercentage = Math.min(100, Math.max(1, given));
  if (activeNodePercentage !== given) {
    warnings.push(`ACTIVE_NODE_PERCENTAGE=${given}: expected 1 to 100; ${activeNodePercentage} is used`);
  }
  const namespace = sourceOf(SETTINGS.namespace, line.values, env)?.text ?? null;
  const config = complete({ ...values, activeNodePercentage }, namespace, env);
  return { kind: 'run', config, warnings, hasSecretFlag: read.hasSecretFlag || line.hasStrayWords };
}

/** Reads each setting by itself. `values` lacks the settings in `errors`. */
function readSettings(flags: Map<string, string>, env: Environment) {
  const values: Partial<Record<SettingName, unknown>> = {};
  const warnings: string[] = [];
  const errors: string[] = [];
  let hasSecretFlag = false;
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    const source = sourceOf(setting, flags, env);
    if (source !== null && setting.group === 'Ignored') {
      warnings.push(`${setting.variable} is ignored: ${setting.help}`);
    }
    if (source?.name.startsWith('--') && withoutSecrets(setting, source.text) !== source.text) hasSecretFlag = true;
    if (source?.isDeprecated) {
      warnings.push(`${source.name} is deprecated: use ${setting.variable}, e.g. ${setting.variable}=300ms`);
    }
    try {
      const text = source?.isDeprecated ? setting.deprecated?.rewrite(source.text) : source?.text;
      values[name] = setting.parse(text ?? setting.default);
    } catch (error) {
      const shown = withoutSecrets(setting, source?.text ?? setting.default);
      errors.push(`${source?.name ?? setting.variable}=${shown.slice(0, 80)}: ${textOf(error)}`);
    }
  }
  return { values: values as Partial<Values>, warnings, errors, hasSecretFlag };
}

/**
 * The text that counts for a setting, and how the user wrote its name. The flag wins over the variable, and both over the
 * deprecated flag and the deprecated variable. null = none is set, so that the default counts.
 */
function sourceOf(setting: Setting<unknown>, flags: Map<string, string>, env: Environment) {
  const older = setting.deprecated?.variable ?? '';
  const candidates = [
    { text: flags.get(setting.variable), name: flagOf(setting), isDeprecated: false },
    { text: env[setting.variable], name: setting.variable, isDeprecated: false },
    { text: flags.get(older), name: flagOf({ variable: older }), isDeprecated: true },
    { text: env[older], name: older, isDeprecated: true },
  ];
  for (const { text, ...rest } of candidates) {
    // In Goldpinger a timeout of 0 makes the older setting count.
    const isZero = setting.deprecated !== undefined && parseGoDurationMs(text ?? '') === 0;
    if (text !== undefined && !isZero && (text !== '' || setting.emptyIsValue)) return { text, ...rest };
  }
  return null;
}

/** What is wrong with several settings together, one sentence each. Values that are invalid are undefined. */
function errorsTogether(values: Partial<Values>, env: Environment): string[] {
  const { pathChecks = [], pathIngressUrl, pathApiserverUrl } = values;
  const { hostsToResolve = [], tcpTargets = [], httpTargets = [] } = values;
  const errors: string[] = [];
  if (pathChecks.includes('ingress') && pathIngressUrl === '') errors.push('PATH_CHECKS=ingress: set PATH_INGRESS_URL');
  if (pathChecks.includes('apiserver') && pathApiserverUrl === '' && livezUrl(env) === '') {
    errors.push('PATH_CHECKS=apiserver: set PATH_APISERVER_URL outside of a cluster');
  }
  // A target that nobody probes must not look healthy.
  const count = hostsToResolve.length + tcpTargets.length + httpTargets.length;
  if (count > MAX_TARGETS) {
    const names = 'HOSTS_TO_RESOLVE, TCP_TARGETS, HTTP_TARGETS';
    errors.push(`${names}: ${count} entries, expected at most ${MAX_TARGETS} together`);
  }
  return errors;
}

/** Where the API server says that it is alive, by the variables that Kubernetes gives every pod; '' outside of a cluster. */
function livezUrl({ KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' }: Environment): string {
  const url = `https://${hostPort(host, Number(port))}/livez`;
  return host !== '' && URL.canParse(url) ? url : '';
}

/** What `--check-node-hash` prints of a node: the same line as Goldpinger's. */
function bucketText(name: string): string {
  const bucket = nodeBucket(name);
  return `${name}: bucket ${bucket} (active when ACTIVE_NODE_PERCENTAGE >= ${bucket + 1})\n`;
}

/** Adds what follows from several settings or from the environment. `namespace`: NAMESPACE, null if it is not set. */
function complete(values: Values, namespace: string | null, env: Environment): Config {
  const proxy = (name: string) => env[name] || env[name.toLowerCase()] || '';
  const { staticFilePath: _static, zapConfig: _zap, ...rest } = values;
  return {
    ...rest,
    clientPort: values.clientPort ?? values.port,
    pathApiserverUrl: values.pathApiserverUrl || livezUrl(env),
    namespace,
    refreshIntervalMs: values.refreshIntervalS * 1000,
    isActive: isActiveNode(values.hostname, values),
    allowLoopback: isLoopbackHost(values.host) || isLoopbackHost(values.podIP),
    proxies: { https: proxy('HTTPS_PROXY'), http: proxy('HTTP_PROXY'), none: proxy('NO_PROXY') },
  };
}

/** The configuration as it is logged at start: by variable, durations in Go's notation, no password or token. */
export function describeConfig(config: Config): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    if (setting.group === 'Ignored') continue;
    const value = (config as unknown as Record<string, unknown>)[name];
    if (name.endsWith('Ms')) shown[setting.variable] = formatDurationMs(value as number);
    else if (Array.isArray(value)) shown[setting.variable] = value.map((item) => withoutSecrets(setting, item));
    else shown[setting.variable] = withoutSecrets(setting, value);
  }
  return shown;
}

/** The value as it may be shown. */
function withoutSecrets<T>({ secret }: Pick<Setting<unknown>, 'secret'>, value: T): T | string {
  if (typeof value !== 'string' || value === '' || secret === undefined) return value;
  return secret === 'all' ? '***' : value.split(/\s+/).map(withoutCredentials).join(' ');
}
