import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demand, type Tool } from '../deploy/tools.ts';

const BUILD = '.ci/prometheus FOLDER builds both with Go; then set PROMETHEUS_BIN=FOLDER';
const install = `${BUILD}. Without Go: Debian's package prometheus has them, but without Kubernetes discovery`;

/** Prometheus' programs: those of the folder PROMETHEUS_BIN, else of PATH. */
function programOf(name: string): Tool {
  const folder = process.env['PROMETHEUS_BIN'] ?? '';
  return { name: folder === '' ? name : join(folder, name), version: ['--version'], install };
}

export const PROMETHEUS = programOf('prometheus');
export const PROMTOOL = programOf('promtool');

/** Throws an Error that says what is missing and how to get it, unless both programs are there. */
export function demandPrometheus(): void {
  for (const program of [PROMETHEUS, PROMTOOL]) demand(program);
}

/** Whether `kubernetes_sd_configs` was built in: Debian leaves it out. Says so on stderr if not. */
export function knowsKubernetes(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'goldpinger-promtool-'));
  try {
    const path = join(folder, 'prometheus.yml');
    writeFileSync(path, 'scrape_configs: [{ job_name: a, kubernetes_sd_configs: [{ role: pod }] }]\n');
    const { status } = spawnSync(PROMTOOL.name, ['check', 'config', path], { stdio: 'ignore' });
    if (status !== 0) {
      console.warn(
        `missing: a Prometheus with Kubernetes discovery, so the pods are found by HTTP discovery. ${BUILD}`,
      );
    }
    return status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
