import { readFileSync } from 'node:fs';
import type { Query } from './goldpinger-dashboard.ts';

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
