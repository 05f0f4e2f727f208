import { readFileSync } from 'node:fs';

/** A query with where it comes from. */
interface Query {
  title: string;
  expression: string;
}

const QUANTILES = ['0.99', '0.95', '0.50'];
const BY = 'by (goldpinger_instance)';
const unhealthy = `sum(increase(goldpinger_nodes_health_total{goldpinger_instance=~"$instance",status="unhealthy"}[30m])) ${BY}`;
const healthy = unhealthy.replace('unhealthy', 'healthy');

/**
 * What Goldpinger's own dashboard asks (extras/goldpinger-dashboard.json of its repository), as recorded: each panel's
 * expression by its title, and its two variables. Its users import that file and must see data.
 */
const RECORDED: [string, string][] = [
  [
    'Goldpinger Nodes',
    "(count(goldpinger_nodes_health_total{status='healthy'}) + count(goldpinger_nodes_health_total{status='unhealthy'})) /2",
  ],
  ['Increase in # Errors [30m]', 'sum(increase(goldpinger_errors_total{goldpinger_instance=~"$instance"}[30m]))'],
  ['Unhealthy seen by instance', `sum(goldpinger_nodes_health_total{status='unhealthy'}) ${BY}`],
  ['Unhealthy nodes increase [30m]', unhealthy],
  ['% Unhealthy nodes reported', `${unhealthy} /  (${healthy} + ${unhealthy})`],
  ...QUANTILES.map((q): [string, string] => [
    `${q} response time from node [30m]`,
    `histogram_quantile(${q}, sum(rate(goldpinger_peers_response_time_s_bucket{goldpinger_instance=~"$instance",call_type=~"$call_type"}[30m])) by (goldpinger_instance, le))`,
  ]),
  ...QUANTILES.map((q): [string, string] => [
    `${q} response time from k8s api [30m]`,
    `histogram_quantile(${q}, sum(rate(goldpinger_kube_master_response_time_s_bucket{goldpinger_instance=~"$instance"}[30m])) by (goldpinger_instance, le))`,
  ]),
  ['$instance', 'group({__name__=~"goldpinger_.+"}) by (goldpinger_instance)'],
  ['$call_type', 'group({call_type!=""}) by (call_type)'],
];

/** The queries as Grafana sends them with "All" chosen for both variables. */
export const GOLDPINGER_QUERIES: Query[] = RECORDED.map(([title, expression]) => ({
  title: `Goldpinger's dashboard: ${title}`,
  expression: expression.replaceAll('$instance', '.*').replaceAll('$call_type', '.*'),
}));

/** Every query of our dashboard, its variables included, as Grafana would send it with "All" chosen everywhere. */
export function dashboardQueries(): Query[] {
  const dashboard = JSON.parse(readFileSync('deploy/grafana/goldpinger-ts.json', 'utf8'));
  const filled = (text: string) =>
    text.replaceAll(/\$(namespace|node|pod)\b/g, '.*').replaceAll('$__rate_interval', '1m');
  // biome-ignore lint/suspicious/noExplicitAny: Grafana's format; what is missing shows as a query that fails.
  const panels = dashboard.panels.flatMap(({ title, targets = [] }: any) =>
    targets.map(({ expr }: { expr: string }) => ({ title, expression: filled(expr) })),
  );
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const variables = dashboard.templating.list.flatMap(({ name, query }: any) => {
    const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(query.query ?? '') ?? [];
    return series === undefined ? [] : [{ title: `$${name}`, expression: `count by (${label}) (${filled(series)})` }];
  });
  return [...panels, ...variables];
}
