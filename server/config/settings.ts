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
  /** The default as `--help` shows it, where `default` alone would not be understood. */
  defaultText?: string;
  parse: Parser<T>;
  help: string;
  /** An older name, and how its value is rewritten to this one's notation; accepted with one warning. */
  deprecated?: { variable: string; rewrite: (text: string) => string };
  /** The flag may be given several times, as in Goldpinger; each use adds to the list. */
  repeatable?: true;
  /** An empty value means something of its own instead of "unset". */
  emptyIsValue?: true;
}

/** Describes a setting; the type of its value is that of its parser. */
const setting = <T>(description: Setting<T>): Setting<T> => description;

/** Goldpinger's older settings `*_TIMEOUT_MS`: whole milliseconds. */
const inMs = (variable: string) => ({
  variable,
  rewrite: (text: string) => {
    if (!/^\d+$/.test(text)) throw new RangeError('expected a whole number of milliseconds');
    return `${text}ms`;
  },
});

/** A deadline in Go's notation, at least 1 ms. Its older name ends with `_MS` and takes whole milliseconds. */
const timeout = (variable: string, group: Setting<number>['group'], byDefault: string, help: string) =>
  setting({
    variable,
    group,
    default: byDefault,
    parse: durationMs(1),
    help,
    deprecated: inMs(`${variable}_MS`),
  });

/** The settings that say which pods are peers, and which pod is our own. */
const PEER_SETTINGS = {
  clientPort: setting({
    variable: 'CLIENT_PORT_OVERRIDE',
    group: 'Peers',
    default: '',
    defaultText: 'PORT',
    parse: optionalWhole(1, 65_535),
    help: 'Port to call peers on',
  }),
  namespace: setting({
    variable: 'NAMESPACE',
    group: 'Peers',
    default: '',
    defaultText: "the service account's",
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
    defaultText: 'in-cluster account',
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
    help: 'Own address; it identifies the own pod among the peers',
  }),
  podName: setting({
    variable: 'POD_NAME',
    group: 'Peers',
    default: '',
    parse: anyText,
    help: 'Own pod name; it identifies the own pod among the peers',
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

/** All settings. Names and defaults are Goldpinger's where Goldpinger has the setting. */
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
    help: 'How long pings are still answered after SIGTERM, so that a rollout does not look like a network fault',
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
    defaultText: '0 = all',
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
    help: 'The most pages that this pod sends live updates to; further pages ask every 5 s',
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
    help: 'A link with this latency or more is slow',
  }),
  historyWindowMs: setting({
    variable: 'HISTORY_WINDOW',
    group: 'Answers',
    default: '1h',
    parse: durationMs(60_000),
    help: 'How far back the history of the links is kept; HISTORY_MEMORY limits how fine it is',
  }),
  historyMemoryMiB: setting({
    variable: 'HISTORY_MEMORY',
    group: 'Answers',
    default: '8',
    parse: whole(1, 1024),
    help: 'The most MiB for the history of all links together',
  }),
  writeToken: setting({
    variable: 'WRITE_TOKEN',
    group: 'Answers',
    default: '',
    defaultText: 'writing is off',
    parse: secret,
    help: 'Bearer token for writing annotations; 16 characters or more',
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
