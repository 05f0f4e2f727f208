import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { podOf } from '../../support/mesh.ts';
import { cycleOf } from '../../support/samples.ts';
import { metricsOf, sampleOf, scrape, targetOf } from '../metrics/scene.ts';

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

const read = (path: string) => readFileSync(path, 'utf8');
const rules: Rule[] = parse(read('deploy/prometheus/rules.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const recorded = rules.flatMap(({ record }) => record ?? []);
const cases: { name: string; alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[] }[] = parse(
  read('test/prometheus/alerts.yml'),
).tests;
const dashboard = JSON.parse(read('deploy/grafana/goldpinger-ts.json'));
const panels: {
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}[] = dashboard.panels;

/** Every name of a series that a server with one peer, one failure and one probe exposes. */
async function exposed(): Promise<Set<string>> {
  const probes = [
    ...(['dns', 'tcp', 'http'] as const).map((protocol) => ({ protocol, target: 't' })),
    { protocol: 'http' as const, target: 't', path: 'service' as const },
  ];
  const pod = podOf(0);
  const target = targetOf(pod);
  const metrics = metricsOf([pod], { probes });
  metrics.pingSample(target, sampleOf());
  metrics.peers.countUdp(target, cycleOf({ lost: 1 }));
  metrics.peers.countUdpError(target);
  metrics.peers.setState(target, true);
  metrics.kubeRequest(1);
  const text = await scrape(metrics);
  return new Set(text.split('\n').map((line) => line.split(/[ {]/)[0] ?? ''));
}

/** Names of series in an expression. */
const namesIn = (expression: string) =>
  expression.match(/\b(goldpinger|process|nodejs)[_:][\w:]+/g)?.filter((name) => name !== 'goldpinger_instance') ?? [];

describe('deploy/prometheus/rules.yml', () => {
  it('asks only for metrics that the server exposes, and for what it records itself', async () => {
    const known = new Set([...(await exposed()), ...recorded]);
    for (const { expr } of rules) for (const name of namesIn(expr)) expect(known).toContain(name);
  });

  it.each(alerts.map(({ alert }) => alert ?? ''))(
    '%s has a severity, a runbook, and cases in which it fires and stays silent',
    (alert) => {
      const rule = alerts.find((candidate) => candidate.alert === alert);
      expect(['info', 'warning', 'critical']).toContain(rule?.labels?.['severity']);
      const [path, anchor] = (rule?.annotations?.['runbook'] ?? '').split('#');
      const headings = read(path ?? '')
        .split('\n')
        .filter((line) => line.startsWith('## '));
      expect(headings).toContain(`## ${alert}`);
      expect(anchor).toBe(alert.toLowerCase());
      const own = cases.flatMap((one) => one.alert_rule_test ?? []).filter(({ alertname }) => alertname === alert);
      expect(own.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
      expect(own.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
    },
  );
});

describe('the documentation', () => {
  const pages = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];

  it.each(pages)('%s names only alerts and metrics that exist', async (page) => {
    const series = [...(await exposed()), ...recorded];
    const known = new Set([...series, ...series.map((name) => name.replace(/_(bucket|sum|count)$/, ''))]);
    const text = read(page);
    for (const [name] of text.matchAll(/\bGoldpinger[A-Z]\w+/g))
      expect(alerts.map(({ alert }) => alert)).toContain(name);
    // `goldpinger:8080` is an address; the chart has this alert of Goldpinger's.
    const names = namesIn(text).filter((name) => !/:\d/.test(name) && name !== 'goldpinger_nodes_unhealthy');
    for (const name of names) expect(known).toContain(name);
  });

  it('tells those who move from Goldpinger that an alert on latency is silent about a peer that does not answer', () => {
    const [row = ''] = read('docs/migration.md').match(/^\|.*alert on latency.*$/m) ?? [];
    expect(row).toContain('goldpinger_peer_up == 0');
    expect(row).toContain('GoldpingerPodUnreachable');
  });
});

describe('deploy/grafana/goldpinger-ts.json', () => {
  it('asks only for metrics that the server exposes, and for what the rules record', async () => {
    const known = new Set([...(await exposed()), ...recorded]);
    const names = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => namesIn(expr)));
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(known).toContain(name);
  });

  it('reads no series by link but through rules', () => {
    const byLink = /goldpinger_(peer_up|peer_ping|peers_response|peer_phase|peers_loss)/;
    for (const { targets = [] } of panels) for (const { expr } of targets) expect(expr).not.toMatch(byLink);
  });

  it('has variables for namespace, pod and node, and panels that do not overlap', () => {
    expect(dashboard.templating.list.map(({ name }: { name: string }) => name).sort()).toEqual([
      'datasource',
      'namespace',
      'node',
      'pod',
    ]);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, x < 24, taken.has(`${x},${y}`)]).toEqual([title, true, false]);
          taken.add(`${x},${y}`);
        }
  });
});

/** The anchors that GitHub makes of a page's headings: lower case, without punctuation, spaces as hyphens. */
const anchorsOf = (page: string) =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );

describe('docs/', () => {
  it.each(readdirSync('docs').flatMap((file) => (file.endsWith('.md') ? [file.slice(0, -3)] : [])))(
    '%s.md links to what exists',
    (name) => {
      const path = `docs/${name}.md`;
      for (const [, link = '', anchor] of read(path).matchAll(/\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)/g)) {
        const file = join(dirname(path), link);
        expect([link, existsSync(file)]).toEqual([link, true]);
        if (anchor !== undefined) expect(anchorsOf(read(file))).toContain(anchor);
      }
      for (const [, file = ''] of read(path).matchAll(/(deploy\/[\w./-]+\w)/g))
        expect([file, existsSync(file)]).toEqual([file, true]);
    },
  );
});
