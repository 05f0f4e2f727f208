import {
  anyText,
  decimal,
  durationMs,
  families,
  flag,
  labelSelector,
  list,
  oneOf,
  optionalText,
  optionalWhole,
  type Parser,
  secret,
  whole,
} from './parse.ts';

/** Headings of `--help`, in order. */
export const GROUPS = [
  'Listening',
  'Peers',
  'Pinging',
  'External probes',
  'Asking peers',
  'Answers',
  'Ignored',
] as const;

/** One setting: how it is named, read and explained. The flag is the variable in kebab case. */
export interface Setting<T> {
  variable: string;
  group: (typeof GROUPS)[number];
  /** As it would be written in the variable. */
  default: string;
  /** What `--help` says of the default where the value does not say it. */
  defaultWords?: string;
  parse: Parser<T>;
  help: string;
  /** An older name, and how its value is rewritten to this one's notation; accepted with one warning. */
  deprecated?: { variable: string; rewrite: (text: string) => string };
  /** A list: the flag may be given several times, as Goldpinger's may, and each adds to it. */
  repeatable?: true;
  /** An empty value means something of its own instead of "unset". */
  emptyIsValue?: true;
}

/** A setting as it is described: its value's type comes from its parser. */
const setting = <T>(description: Setting<T>): Setting<T> => description;

/** Goldpinger's older `*_TIMEOUT_MS` integers. */
const inMs = (variable: string) => ({
  variable,
  rewrite: (text: string) => {
    if (!/^\d+$/.test(text)) throw new RangeError('expected a whole number of milliseconds');
    return `${text}ms`;
  },
});

/** A deadline in Go's notation, at least 1 ms; its older name with `_MS` counts whole milliseconds. */
const timeout = (variable: string, group: Setting<number>['group'], byDefault: string, help: string) =>
  setting({
    variable,
    group,
    default: byDefault,
    parse: durationMs(1),
    help,
    deprecated: inMs(`${variable}_MS`),
  });

/** The settings that say who the peers are, and who of them we are. */
const PEER_SETTINGS = {
  clientPort: setting({
    variable: 'CLIENT_PORT_OVERRIDE',
    group: 'Peers',
    default: '',
    defaultWords: 'PORT',
    parse: optionalWhole(1, 65_535),
    help: 'Port to call peers on',
  }),
  namespace: setting({
    variable: 'NAMESPACE',
    group: 'Peers',
    default: '',
    defaultWords: "the service account's",
    parse: optionalText,
    emptyIsValue: true,
    help: 'Namespace to list peers in; set but empty: all namespaces',
  }),
  labelSelector: setting({
    variable: 'LABEL_SELECTOR',
    group: 'Peers',
    default: 'app=goldpinger',
    parse: labelSelector,
    help: 'Label selector of the peers',
  }),
  kubeconfig: setting({
    variable: 'KUBECONFIG',
    group: 'Peers',
    default: '',
    defaultWords: 'in-cluster account',
    parse: optionalText,
    help: 'Path of a kubeconfig file',
  }),
  hostname: setting({
    variable: 'HOSTNAME',
    group: 'Peers',
    default: '',
    parse: anyText,
    help: 'Label goldpinger_instance of all metrics',
  }),
  podIP: setting({
    variable: 'POD_IP',
    group: 'Peers',
    default: '',
    parse: anyText,
    help: 'Own address, to know the own pod by',
  }),
  podName: setting({
    variable: 'POD_NAME',
    group: 'Peers',
    default: '',
    parse: anyText,
    help: 'Own pod name, to know the own pod by',
  }),
  useHostIP: setting({
    variable: 'USE_HOST_IP',
    group: 'Peers',
    default: 'false',
    parse: flag,
    help: "Call peers on their host's IP",
  }),
  families: setting({
    variable: 'IP_VERSIONS',
    group: 'Peers',
    default: '4',
    parse: families,
    repeatable: true,
    help: 'IP families to ping: 4, 6, or 4,6 for both',
  }),
  displayNodeName: setting({
    variable: 'DISPLAY_NODENAME',
    group: 'Peers',
    default: 'false',
    parse: flag,
    help: 'Show node names in place of pod names',
  }),
  goneRetentionMs: setting({
    variable: 'GONE_RETENTION',
    group: 'Peers',
    default: '5m',
    parse: durationMs(0),
    help: 'Departed pods stay visible for this long',
  }),
};

/** Every setting there is. Names and defaults are Goldpinger's where it has the setting. */
export const SETTINGS = {
  host: setting({
    variable: 'HOST',
    group: 'Listening',
    default: 'localhost',
    parse: anyText,
    help: 'Address to listen on; 0.0.0.0 or :: in a pod',
  }),
  port: setting({
    variable: 'PORT',
    group: 'Listening',
    default: '8080',
    parse: whole(1, 65_535),
    help: 'Port to listen on',
  }),
  shutdownGraceMs: setting({
    variable: 'SHUTDOWN_GRACE',
    group: 'Listening',
    default: '5s',
    parse: durationMs(0),
    help: 'After SIGTERM, go on answering pings for this long so that a rollout looks like no network fault',
  }),
  ...PEER_SETTINGS,
  refreshIntervalS: setting({
    variable: 'REFRESH_INTERVAL',
    group: 'Pinging',
    default: '30',
    parse: decimal(0, 86_400),
    help: 'Seconds between two pings of one peer, fractions allowed; 0 = no pinging (external targets: every 30 s)',
  }),
  jitterFactor: setting({
    variable: 'JITTER_FACTOR',
    group: 'Pinging',
    default: '0.05',
    parse: decimal(0, 10),
    help: 'Each wait is the interval times a random factor of 1 to 1 + this',
  }),
  pingNumber: setting({
    variable: 'PING_NUMBER',
    group: 'Pinging',
    default: '0',
    defaultWords: '0 = all',
    parse: whole(0, 65_535),
    help: 'How many peers each pod pings',
  }),
  pingTimeoutMs: timeout('PING_TIMEOUT', 'Pinging', '300ms', 'Deadline of one ping, connection and answer together'),
  hostsToResolve: setting({
    variable: 'HOSTS_TO_RESOLVE',
    group: 'External probes',
    default: '',
    parse: list(100),
    repeatable: true,
    help: 'Host names to resolve, separated by spaces',
  }),
  tcpTargets: setting({
    variable: 'TCP_TARGETS',
    group: 'External probes',
    default: '',
    parse: list(100),
    repeatable: true,
    help: 'host:port to connect to, separated by spaces',
  }),
  httpTargets: setting({
    variable: 'HTTP_TARGETS',
    group: 'External probes',
    default: '',
    parse: list(100),
    repeatable: true,
    help: 'URLs to get, separated by spaces; 200 is success, redirects followed, https without verification',
  }),
  dnsTimeoutMs: timeout('DNS_TARGETS_TIMEOUT', 'External probes', '500ms', 'Deadline of one resolution'),
  tcpTimeoutMs: timeout('TCP_TARGETS_TIMEOUT', 'External probes', '500ms', 'Deadline of one connection'),
  httpTimeoutMs: timeout('HTTP_TARGETS_TIMEOUT', 'External probes', '500ms', 'Deadline of one request'),
  checkTimeoutMs: timeout('CHECK_TIMEOUT', 'Asking peers', '1000ms', 'Deadline of asking one peer for its report'),
  checkAllTimeoutMs: timeout('CHECK_ALL_TIMEOUT', 'Asking peers', '5000ms', 'Deadline of collecting the whole mesh'),
  metricsPerPeer: setting({
    variable: 'METRICS_PER_PEER',
    group: 'Answers',
    default: 'true',
    parse: flag,
    help: 'Metrics of every peer; false keeps only sums over all peers',
  }),
  maxStreams: setting({
    variable: 'MAX_STREAMS',
    group: 'Answers',
    default: '32',
    parse: whole(0, 1000),
    help: 'Most pages that may watch this pod live at once; further ones ask every 5 s',
  }),
  resultsMemoryMiB: setting({
    variable: 'RESULTS_MEMORY',
    group: 'Answers',
    default: '4',
    parse: whole(1, 1024),
    help: 'MiB for the recent samples of all peers together',
  }),
  slowLinkMs: setting({
    variable: 'SLOW_LINK',
    group: 'Answers',
    default: '100ms',
    parse: durationMs(1),
    help: 'From this latency on a link is called slow in findings and events',
  }),
  historyWindowMs: setting({
    variable: 'HISTORY_WINDOW',
    group: 'Answers',
    default: '1h',
    parse: durationMs(60_000),
    help: 'How far back the past of the links is kept, as finely as HISTORY_MEMORY allows',
  }),
  historyMemoryMiB: setting({
    variable: 'HISTORY_MEMORY',
    group: 'Answers',
    default: '8',
    parse: whole(1, 1024),
    help: 'MiB for the past of all links together, at most',
  }),
  writeToken: setting({
    variable: 'WRITE_TOKEN',
    group: 'Answers',
    default: '',
    defaultWords: 'no writing',
    parse: secret,
    help: 'Bearer token of those who may write annotations; 16 characters or more',
  }),
  logLevel: setting({
    variable: 'LOG_LEVEL',
    group: 'Answers',
    default: 'info',
    parse: oneOf(['debug', 'info', 'warn', 'error']),
    help: 'Least severity to log: debug, info, warn, error',
  }),
  staticFilePath: setting({
    variable: 'STATIC_FILE_PATH',
    group: 'Ignored',
    default: '',
    parse: anyText,
    help: "Goldpinger's page; ours is built in",
  }),
  zapConfig: setting({
    variable: 'ZAP_CONFIG',
    group: 'Ignored',
    default: '',
    parse: anyText,
    help: "Goldpinger's log configuration; see LOG_LEVEL",
  }),
};

/** Name of a setting in the configuration. */
export type SettingName = keyof typeof SETTINGS;

/** The flag of a variable: `PING_TIMEOUT` is `--ping-timeout`. */
export function flagOf(variable: string): string {
  return `--${variable.toLowerCase().replaceAll('_', '-')}`;
}
