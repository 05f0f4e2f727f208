import { readFileSync } from 'node:fs';

/** A query with where it comes from. */
interface Query {
  title: string;
  expression: string;
}

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

const quantiles = [0.5, 0.95, 0.99];

/** What the dashboard asks that Goldpinger's users have, by metric and label. */
export const GOLDPINGER_QUERIES: Query[] = [
  'count(goldpinger_nodes_health_total{status="healthy"}) + count(goldpinger_nodes_health_total{status="unhealthy"})',
  'sum by (goldpinger_instance) (goldpinger_nodes_health_total{status="unhealthy"})',
  'sum by (goldpinger_instance) (increase(goldpinger_nodes_health_total{goldpinger_instance=~".*", status="healthy"}[30m]))',
  'sum(increase(goldpinger_errors_total{goldpinger_instance=~".*"}[30m]))',
  ...quantiles.map(
    (q) =>
      `histogram_quantile(${q}, sum by (goldpinger_instance, le) (rate(goldpinger_peers_response_time_s_bucket{call_type=~".*"}[30m])))`,
  ),
  'sum by (goldpinger_instance, le) (rate(goldpinger_kube_master_response_time_s_bucket{goldpinger_instance=~".*"}[30m]))',
].map((expression) => ({ title: "Goldpinger's dashboard", expression }));
