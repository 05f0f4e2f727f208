import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { type LocalCluster, startCluster } from '../../deploy/local/cluster.ts';
import { output } from '../deploy/tools.ts';
import { eventually } from '../support/eventually.ts';
import { snippet } from '../support/snippets.ts';
import { dashboardQueries, GOLDPINGER_QUERIES } from './dashboards.ts';
import { type PodDiscovery, startPodDiscovery } from './pod-discovery.ts';
import { demandPrometheus, knowsKubernetes, PROMTOOL } from './programs.ts';
import { PrometheusServer } from './prometheus-server.ts';

const scrape = parse(readFileSync('deploy/prometheus/scrape.yml', 'utf8'));
const rules = parse(readFileSync('deploy/prometheus/rules.yml', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'goldpinger-promtool-'));
let cluster: LocalCluster;
/** In place of Kubernetes discovery, where that is not built in. */
let discovery: PodDiscovery | undefined;
let prometheus: PrometheusServer;

/** The rules as they are, in a hurry: evaluated each second, alerts after two. */
function hurried() {
  // biome-ignore lint/suspicious/noExplicitAny: our own file, which promtool has checked.
  const groups = rules.groups.map(({ name, rules: list }: any) => ({
    name,
    interval: '1s',
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    rules: list.map((rule: any) => ('alert' in rule ? { ...rule, for: '2s' } : rule)),
  }));
  return { groups };
}

/** scrape.yml as it is, but for where the Kubernetes API is, the pace, and the static targets. */
function configuration(): object {
  const [byApi, byName] = structuredClone(scrape.scrape_configs);
  for (const config of byApi.kubernetes_sd_configs) config.kubeconfig_file = cluster.kubeconfigPath;
  if (discovery !== undefined) {
    delete byApi.kubernetes_sd_configs;
    byApi.http_sd_configs = [{ url: discovery.url, refresh_interval: '1s' }];
  }
  byName.static_configs = cluster.pods().map(({ name, namespace, node, ip }) => {
    return { targets: [`${ip}:8080`], labels: { namespace, pod: name, node } };
  });
  const scrape_configs = [byApi, byName].map((job) => ({ ...job, scrape_interval: '1s', scrape_timeout: '1s' }));
  return { global: { evaluation_interval: '1s' }, rule_files: ['rules.yml'], scrape_configs };
}

const isNumber = (value: number) => !Number.isNaN(value);
const firing = async (alertname: string, job: string) =>
  (await prometheus.alerts()).filter(
    ({ labels, state }) => state === 'firing' && labels['alertname'] === alertname && labels['job'] === job,
  );

beforeAll(async () => {
  demandPrometheus();
  // A pod whose process dies is not started again while the test lasts.
  const backoff = { firstMs: 300_000, longestMs: 300_000 };
  const serverEnv = { SHUTDOWN_GRACE: '0', GONE_RETENTION: '5s', PATH_CHECKS: 'dns,apiserver', UDP_ENABLED: 'true' };
  // What Goldpinger's users grant: so pods are listed again and again, and its panels on the API have what to show.
  const rights = { pods: ['list'], nodes: [] };
  cluster = await startCluster({ pods: 3, intervalS: 0.5, serverEnv, backoff, rights });
  await cluster.ready();
  if (!knowsKubernetes()) {
    discovery = await startPodDiscovery(cluster, scrape.scrape_configs[0].kubernetes_sd_configs[0]);
  }
  prometheus = await PrometheusServer.start(configuration(), { 'rules.yml': hurried() });
});

afterAll(async () => {
  await prometheus?.stop();
  await discovery?.stop();
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('promtool', () => {
  it('finds rules.yml right, and each alert to fire and to stay silent as the cases say', () => {
    output(PROMTOOL, ['check', 'rules', 'deploy/prometheus/rules.yml']);
    for (const name of ['alerts', 'alerts-large', 'alerts-starved'])
      expect(output(PROMTOOL, ['test', 'rules', `test/prometheus/${name}.yml`])).toContain('SUCCESS');
  });

  it('finds scrape.yml right', () => {
    const path = join(folder, 'prometheus.yml');
    writeFileSync(join(folder, 'rules.yml'), stringify(hurried()));
    writeFileSync(path, stringify(configuration()));
    output(PROMTOOL, ['check', 'config', path]);
    if (discovery === undefined) output(PROMTOOL, ['check', 'config', 'deploy/prometheus/scrape.yml']);
  });

  it("finds fault with no metric but those whose names and labels are Goldpinger's", async () => {
    const url = `http://${cluster.pods()[0]!.ip}:8080/metrics`;
    const text = await eventually(async () => {
      const metrics = await (await fetch(url)).text();
      // Ready is not yet pinged: the API server stood still in this process while promtool ran before.
      expect(metrics.match(/^goldpinger_peers_response_time_s_count/gm)).toHaveLength(3);
      // Series of UDP come with the first answers, a moment after those of HTTP.
      expect(metrics).toMatch(/^goldpinger_peers_udp_rtt_s_count/m);
      expect(metrics).toMatch(/^goldpinger_peers_hop_count/m);
      return metrics;
    });
    const { stderr, stdout } = spawnSync(PROMTOOL.name, ['check', 'metrics'], { input: text, encoding: 'utf8' });
    const faulty = `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ')[0]);
    const goldpingers = [
      'goldpinger_cluster_health_total',
      'goldpinger_kube_master_response_time_s',
      'goldpinger_nodes_health_total',
      'goldpinger_peers_hop_count',
      'goldpinger_peers_response_time_s',
      'goldpinger_peers_udp_rtt_s',
    ];
    expect([...new Set(faulty)].sort()).toEqual(goldpingers);
  });
});

describe('a real Prometheus', () => {
  it('finds the pods through the Kubernetes API and by name, in OpenMetrics, with the labels that the rules group by', async () => {
    await eventually(async () => {
      const targets = await prometheus.targets();
      expect(targets.map(({ health, lastError }) => `${health}${lastError}`)).toEqual(Array(6).fill('up'));
      for (const job of ['goldpinger', 'goldpinger-static']) {
        const found = targets
          .filter(({ labels }) => labels['job'] === job)
          .map(({ labels }) => [labels['namespace'], labels['pod'], labels['node']]);
        expect(found.sort()).toEqual(
          cluster
            .pods()
            .map(({ name, namespace, node }) => [namespace, name, node])
            .sort(),
        );
      }
    });
    const accept =
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5';
    const answer = await fetch(`http://${cluster.pods()[0]!.ip}:8080/metrics`, { headers: { accept } });
    expect(answer.headers.get('content-type')).toContain('application/openmetrics-text');
    await answer.arrayBuffer();
  });

  it('evaluates every rule, and keeps few series of them', async () => {
    await eventually(async () =>
      expect(await prometheus.query('goldpinger:link_response_seconds:worst{job="goldpinger"}')).toHaveLength(9),
    );
    const perCluster = 'count({__name__=~"goldpinger:.+", __name__!~"goldpinger:link_.+", job="goldpinger"})';
    await eventually(async () => {
      expect(await prometheus.ruleFaults()).toEqual([]);
      const [recorded] = await prometheus.query(perCluster);
      expect(recorded?.value).toBeGreaterThan(10);
      expect(recorded?.value).toBeLessThan(80);
    });
  });

  it('says nothing while all is well', async () => {
    await eventually(async () => {
      expect((await prometheus.query('sum(goldpinger:links:count{job="goldpinger"})'))[0]?.value).toBe(9);
      // On a busy machine pods are starved indeed, and say so.
      const alerts = (await prometheus.alerts()).filter(({ labels }) => labels['severity'] !== 'info');
      expect(alerts).toEqual([]);
    });
  });

  it('alerts to a pod that is killed, has data for every query then, and forgets the pod once it has departed', async () => {
    const [victim] = cluster.pods();
    process.kill(victim!.pid, 'SIGKILL');
    for (const job of ['goldpinger', 'goldpinger-static']) {
      await eventually(async () => {
        const [alert, ...others] = await firing('GoldpingerPodUnreachable', job);
        expect(others).toEqual([]);
        expect(alert?.labels).toMatchObject({ peer: victim!.name, peer_node: victim!.node, severity: 'critical' });
        expect(alert?.annotations['summary']).toBe(
          `${victim!.name} on ${victim!.node} is unreachable for 100% of its peers`,
        );
      }, 40_000);
    }
    for (const query of snippet('docs/monitoring.md', 'goldpinger_peer_up == 0').trim().split('\n')) {
      // A path fails where this process, which is the API server too, stood still for as long as promtool ran.
      if (query.includes('path_failures')) {
        await prometheus.query(query);
        continue;
      }
      // This mesh has no HTTP_TARGETS.
      const isEmpty = query.includes('goldpinger_http_');
      await eventually(async () =>
        expect([query, (await prometheus.query(query)).length > 0]).toEqual([query, !isEmpty]),
      );
    }
    for (const { title, expression } of [...dashboardQueries(), ...GOLDPINGER_QUERIES]) {
      await eventually(async () => {
        const values = (await prometheus.query(expression)).map(({ value }) => value);
        expect([title, expression, values.length > 0]).toEqual([title, expression, true]);
        // Goldpinger's own divide by nothing where a pod is gone; ours never do.
        const isData = title.startsWith("Goldpinger's") ? values.some(Number.isFinite) : values.every(isNumber);
        expect([title, values, isData]).toEqual([title, values, true]);
      });
    }

    cluster.deletePod(victim!.name, { graceSeconds: 0 });
    await eventually(async () => {
      // A rate over five minutes remembers for five minutes, and an alert's own series until it is resolved.
      for (const label of ['peer', 'pod']) {
        const selector = `{job="goldpinger", ${label}="${victim!.name}", __name__!~"ALERTS.*|.*(rate|mean|ratio)5m"}`;
        expect(await prometheus.query(selector)).toEqual([]);
      }
      expect(await firing('GoldpingerPodUnreachable', 'goldpinger')).toEqual([]);
      expect(await prometheus.query('up{job="goldpinger"} == 1')).toHaveLength(3);
    }, 40_000);
  }, 240_000);
});
