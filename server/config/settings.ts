import { anyText, decimal, durationMs, flag, list, oneOf, secret, whole } from './parsers.ts';
import { PEER_SETTINGS } from './peer-settings.ts';
import { setting, timeout } from './setting.ts';

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
  checkTimeoutMs: timeout('CHECK_TIMEOUT', 'Asking peers', '1000ms', 'Deadline of asking one peer for its row'),
  checkAllTimeoutMs: timeout('CHECK_ALL_TIMEOUT', 'Asking peers', '5000ms', 'Deadline of collecting the whole matrix'),
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
