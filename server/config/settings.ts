import * as parse from './parse.ts';

/** Headings of `--help`, in order. */
export const GROUPS = [
  'Listening',
  'Peers',
  'Pinging',
  'External probes',
  'Paths',
  'Asking peers',
  'Answers',
  'Ignored',
] as const;

/**
 * The most external targets, HOSTS_TO_RESOLVE, TCP_TARGETS and HTTP_TARGETS together. With the checks of paths (at most five) they
 * fit into a pod report: see MAX_PROBES of protocol/pod-report.ts, which configuration does not import.
 */
export const MAX_TARGETS = 490;

/** The name, parser and help of one setting. */
export interface Setting<T> {
  variable: string;
  /** The flag, if it is not the variable in kebab case. */
  flag?: string;
  group: (typeof GROUPS)[number];
  /** The default, written as in the variable. */
  default: string;
  /** The default as `--help` shows it, if `default` alone does not explain it. */
  defaultText?: string;
  parse: parse.Parser<T>;
  help: string;
  /** An older name that is accepted with a warning. `rewrite` turns its value into the notation of the new name. */
  deprecated?: { variable: string; rewrite: (text: string) => string };
  /** The flag may be given several times, as in Goldpinger. Each use adds to the list. */
  repeatable?: true;
  /** An empty value has a meaning of its own; it does not mean "unset". */
  emptyIsValue?: true;
  /** What no log, message or list of processes may show: all of the value, or user and password of the URLs and addresses in it. */
  secret?: 'all' | 'credentials';
}

/** Describes a setting; `default` and `parse` as in `Setting`, whose value has the type of its parser. */
function setting<T>(
  group: Setting<T>['group'],
  variable: string,
  byDefault: string,
  parse: parse.Parser<T>,
  more: Omit<Setting<T>, 'group' | 'variable' | 'default' | 'parse'>,
): Setting<T> {
  return { variable, group, default: byDefault, parse, ...more };
}

/**
 * Describes a deadline in Go's notation, at least 1 ms. Goldpinger's older variable, whose name ends with `_MS`, takes whole
 * milliseconds. A value of 0 counts as not set (`sourceOf` in config.ts).
 */
function timeout(group: Setting<number>['group'], variable: string, byDefault: string, help: string): Setting<number> {
  const rewrite = (text: string) => {
    const ms = parse.parseGoInt(text);
    if (Number.isNaN(ms)) throw new RangeError('expected a whole number of milliseconds');
    return `${ms}ms`;
  };
  return setting(group, variable, byDefault, parse.timeoutMs, {
    help,
    deprecated: { variable: `${variable}_MS`, rewrite },
  });
}

/** All settings. If Goldpinger has a setting, its name and default are Goldpinger's. */
export const SETTINGS = {
  host: setting('Listening', 'HOST', 'localhost', parse.anyText, {
    help: 'Address to listen on; in a pod 0.0.0.0 or ::, which both mean all addresses, IPv4 and IPv6',
  }),
  port: setting('Listening', 'PORT', '8080', parse.whole(1, 65_535), { help: 'Port to listen on' }),
  shutdownGraceMs: setting('Listening', 'SHUTDOWN_GRACE', '5s', parse.durationMs(0), {
    help: 'How long pings are still answered after SIGTERM, so that a rollout does not look like a network fault',
  }),
  clientPort: setting('Peers', 'CLIENT_PORT_OVERRIDE', '', parse.optionalPort, {
    help: 'Port to call peers on',
    defaultText: 'PORT',
  }),
  namespace: setting('Peers', 'NAMESPACE', '', parse.anyText, {
    help: 'Namespace to list peers in; set but empty: all namespaces',
    defaultText: "the service account's",
    emptyIsValue: true,
  }),
  labelSelector: setting('Peers', 'LABEL_SELECTOR', 'app=goldpinger', parse.labelSelector, {
    help: 'Label selector of the peers',
  }),
  kubeconfig: setting('Peers', 'KUBECONFIG', '', parse.kubeconfig, {
    help: 'Path of a kubeconfig file, or several',
    defaultText: 'in-cluster account',
  }),
  hostname: setting('Peers', 'HOSTNAME', '', parse.anyText, {
    help: 'Value of the label goldpinger_instance on all metrics; with ACTIVE_NODE_PERCENTAGE it must be the name of the node',
  }),
  podIP: setting('Peers', 'POD_IP', '', parse.anyText, {
    help: 'Own address; it identifies the own pod among the peers',
  }),
  podName: setting('Peers', 'POD_NAME', '', parse.anyText, {
    help: 'Own pod name; it identifies the own pod among the peers',
  }),
  useHostIP: setting('Peers', 'USE_HOST_IP', 'false', parse.flag, { help: "Call peers on their host's IP" }),
  families: setting('Peers', 'IP_VERSIONS', '4', parse.families, {
    help: 'IP families to ping: 4, 6, or 4,6 for both',
    repeatable: true,
  }),
  displayNodeName: setting('Peers', 'DISPLAY_NODENAME', 'false', parse.flag, {
    help: 'Show node names in place of pod names',
  }),
  goneRetentionMs: setting('Peers', 'GONE_RETENTION', '5m', parse.durationMs(0), {
    help: 'Departed pods stay visible for this long',
  }),
  ignoreCordoned: setting('Peers', 'IGNORE_CORDONED', 'false', parse.flag, {
    help: 'Pods on cordoned nodes are pinged and shown, but left out of health, findings, verdicts, metrics of pings, alerts, and the counts of page and timeline',
  }),
  refreshIntervalS: setting('Pinging', 'REFRESH_INTERVAL', '30', parse.secondsOrOff(0.05, 86_400), {
    help: 'Seconds between two pings of one peer, 0.05 to 86400; 0 or less: peers are not pinged, external targets every 30 s',
  }),
  jitterFactor: setting('Pinging', 'JITTER_FACTOR', '0.05', parse.decimal(0, 10), {
    help: 'Each wait is longer than REFRESH_INTERVAL by a random share, at most this one',
  }),
  pingNumber: setting('Pinging', 'PING_NUMBER', '0', parse.whole(0, 65_535), {
    help: 'How many peers each pod pings',
    defaultText: '0 = all',
  }),
  pingTimeoutMs: timeout('Pinging', 'PING_TIMEOUT', '300ms', 'Deadline of one ping, connection and answer together'),
  freshConnectionIntervalMs: setting('Pinging', 'FRESH_CONNECTION_INTERVAL', '10s', parse.durationMs(0), {
    help: 'Each link opens a new connection for the first ping after this time, and for the eight pings after one that failed or was late; pings in between use the open one. If REFRESH_INTERVAL is as long or longer, or with 0s, each ping opens one',
  }),
  activeNodePercentage: setting('Pinging', 'ACTIVE_NODE_PERCENTAGE', '100', parse.percentage, {
    help: 'Percentage of nodes, 1 to 100, whose pods ping the others and ask the Kubernetes API; the others only answer',
  }),
  activeNodes: setting('Pinging', 'ACTIVE_NODES', '', parse.nodeNames, {
    help: 'Names of nodes that are always active, separated by commas',
    repeatable: true,
  }),
  udpEnabled: setting('Pinging', 'UDP_ENABLED', 'false', parse.flag, {
    help: 'Also send UDP datagrams to the peers, and echo theirs: shows loss that TCP hides',
  }),
  udpPort: setting('Pinging', 'UDP_PORT', '6969', parse.whole(1, 65_535), {
    help: 'UDP port of the echo, the same on all peers',
  }),
  udpPacketCount: setting('Pinging', 'UDP_PACKET_COUNT', '10', parse.whole(1, 1000), {
    help: 'Datagrams to each peer, sent together once in each REFRESH_INTERVAL',
  }),
  // The bounds of protocol/udp-datagram.ts, which configuration does not import.
  udpPacketSize: setting('Pinging', 'UDP_PACKET_SIZE', '64', parse.whole(16, 1500), {
    help: 'Bytes of a datagram, without the headers of UDP and IP',
  }),
  udpTimeoutMs: setting('Pinging', 'UDP_TIMEOUT', '1s', parse.durationMs(1), {
    help: 'A datagram that has not come back after this time is lost',
  }),
  hostsToResolve: setting('External probes', 'HOSTS_TO_RESOLVE', '', parse.list(MAX_TARGETS), {
    flag: '--host-to-resolve',
    help: 'Host names to resolve, separated by spaces',
    repeatable: true,
    secret: 'credentials',
  }),
  tcpTargets: setting('External probes', 'TCP_TARGETS', '', parse.list(MAX_TARGETS), {
    help: 'host:port to connect to, separated by spaces; the port may be a name such as https',
    repeatable: true,
    secret: 'credentials',
  }),
  httpTargets: setting('External probes', 'HTTP_TARGETS', '', parse.list(MAX_TARGETS), {
    help: 'URLs to get, separated by spaces; 200 is success; redirects are followed, certificates are not verified',
    repeatable: true,
    secret: 'credentials',
  }),
  dnsTimeoutMs: timeout('External probes', 'DNS_TARGETS_TIMEOUT', '500ms', 'Deadline of resolving one name'),
  tcpTimeoutMs: timeout('External probes', 'TCP_TARGETS_TIMEOUT', '500ms', 'Deadline of one connection'),
  httpTimeoutMs: timeout('External probes', 'HTTP_TARGETS_TIMEOUT', '500ms', 'Deadline of one request'),
  pathChecks: setting('Paths', 'PATH_CHECKS', '', parse.someOf(['service', 'ingress', 'dns', 'apiserver']), {
    help: 'Which paths of the cluster to probe besides the pods, separated by commas: service, ingress, dns, apiserver',
    repeatable: true,
  }),
  pathServiceUrl: setting('Paths', 'PATH_SERVICE_URL', 'http://goldpinger:8080/ping', parse.httpUrl, {
    help: 'URL of the own Service, checked twice: by name, and at the address of the last successful lookup, so also while DNS fails',
    secret: 'credentials',
  }),
  pathIngressUrl: setting('Paths', 'PATH_INGRESS_URL', '', parse.optional(parse.httpUrl), {
    help: 'URL that leads through an ingress to the own Service, such as https://goldpinger.example.com/ping',
    secret: 'credentials',
  }),
  pathDnsName: setting('Paths', 'PATH_DNS_NAME', 'kubernetes.default.svc', parse.hostName, {
    help: "Name that the cluster's DNS knows",
    secret: 'credentials',
  }),
  pathApiserverUrl: setting('Paths', 'PATH_APISERVER_URL', '', parse.optional(parse.httpUrl), {
    help: 'URL of the API server; 401 and 403 are a success, too: it has answered',
    defaultText: '/livez at KUBERNETES_SERVICE_HOST',
    secret: 'credentials',
  }),
  checkTimeoutMs: timeout('Asking peers', 'CHECK_TIMEOUT', '1000ms', 'Deadline of asking one peer for its report'),
  checkAllTimeoutMs: timeout('Asking peers', 'CHECK_ALL_TIMEOUT', '5000ms', 'Deadline of collecting the whole mesh'),
  metricsPerPeer: setting('Answers', 'METRICS_PER_PEER', 'true', parse.flag, {
    help: 'Metrics of every peer; false keeps only sums over all peers',
  }),
  maxStreams: setting('Answers', 'MAX_STREAMS', '32', parse.whole(0, 1000), {
    help: 'At most this many open pages get live updates from this pod; others ask every 5 s',
  }),
  resultsMemoryMiB: setting('Answers', 'RESULTS_MEMORY', '4', parse.whole(1, 1024), {
    help: 'MiB for the recent samples of all peers together',
  }),
  slowLinkMs: setting('Answers', 'SLOW_LINK', '100ms', parse.durationMs(1), {
    help: 'A link with this latency or more is slow',
  }),
  historyWindowMs: setting('Answers', 'HISTORY_WINDOW', '1h', parse.wholeDurationMs(60_000), {
    help: 'How far back the history of the links is kept; with less HISTORY_MEMORY its steps are longer',
  }),
  historyMemoryMiB: setting('Answers', 'HISTORY_MEMORY', '8', parse.whole(0, 1024), {
    help: 'Limit in MiB for the history of all links and for copies of the past of other pods; 0: only recent samples, no copies',
  }),
  frameAncestors: setting('Answers', 'FRAME_ANCESTORS', "'self'", parse.frameAncestors, {
    help: 'Origins whose pages may show this page in a frame, separated by spaces',
  }),
  linkTemplates: setting('Answers', 'LINK_TEMPLATES', '', parse.linkTemplates, {
    help: 'Links of pods and links to other tools: name=URL, separated by spaces; {pod} {node} {namespace} {from} {to} are filled in',
    repeatable: true,
    secret: 'credentials',
  }),
  writeToken: setting('Answers', 'WRITE_TOKEN', '', parse.secret, {
    help: 'Bearer token for writing annotations; 16 characters or more',
    defaultText: 'writing is off',
    secret: 'all',
  }),
  logLevel: setting('Answers', 'LOG_LEVEL', 'info', parse.oneOf(['debug', 'info', 'warn', 'error']), {
    help: 'Least severity to log: debug, info, warn, error',
  }),
  staticFilePath: setting('Ignored', 'STATIC_FILE_PATH', '', parse.anyText, {
    help: 'Accepted and ignored: the page is built in',
  }),
  zapConfig: setting('Ignored', 'ZAP_CONFIG', '', parse.anyText, { help: 'Accepted and ignored: use LOG_LEVEL' }),
};

/** Name of a setting in the configuration. */
export type SettingName = keyof typeof SETTINGS;

/** The flag of a setting: that of `PING_TIMEOUT` is `--ping-timeout`. */
export function flagOf({ variable, flag }: Pick<Setting<unknown>, 'variable' | 'flag'>): string {
  return flag ?? `--${variable.toLowerCase().replaceAll('_', '-')}`;
}
