import { anyText, durationMs, families, flag, labelSelector, optionalText, optionalWhole } from './parsers.ts';
import { setting } from './setting.ts';

/** The settings that say who the peers are, and who of them we are. */
export const PEER_SETTINGS = {
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
