import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import PROCESS from '../../deploy/process.json';
import { MeshCounts } from '../../server/analysis/findings/counts.ts';
import { analysisOf } from '../../server/analysis/findings/evidence.ts';
import { findingsFrom } from '../../server/analysis/findings/findings.ts';
import { parseClause } from '../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../server/analysis/verdict/verdict.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import { type Figure, figure } from './figures.ts';

/** The cost of one analysis of a whole mesh. */
interface Cost {
  name: string;
  /** CPU time of the process in the cheapest run, ms. */
  cpuMs: number;
  /** The longest step between two looks at the clock, ms. The shortest run of each step counts. */
  stepMs: number;
}

const PODS = 1_000;
const WINDOW_MS = 30_000;
const RUNS = 5;
/** All kinds of conditions, selectors and patterns. */
const CLAUSES = [
  'healthy',
  'latency<50ms,stat=p95',
  'latency>=200ms,to=pod:goldpinger-*a*,self=exclude',
  'healthy,from=node:*-1*,to=zone:*',
  'failed,to=label:app=gold*',
  'latency<1s,stat=max,from=zone:*a',
  'healthy,min=3,from=label:app=*,to=pod:*',
  'latency>1ms,self=only',
];
const MOST_CLAUSES = 20;
/** Clients wait one second for a verdict. Half of 150 ms of it are for the analysis, the rest for other work meanwhile. */
const VERDICT_AIM_MS = 75;
/** A time slice ends with the step that passes 1 ms. */
const STEP_AIM_MS = 1;

/** Measures verdicts and findings on meshes of 1000 pods, in a process of its own with the server's flags. */
export async function measureAnalysis(program: string): Promise<Figure[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [...PROCESS.nodeFlags, program, 'analyse']);
  return (JSON.parse(stdout) as Cost[]).flatMap(({ name, cpuMs, stepMs }) => {
    const aimMs = name.startsWith('verdict') ? VERDICT_AIM_MS : null;
    const note = `of each step the shortest of ${RUNS} runs`;
    return [
      figure(`${name}, N=${PODS}, CPU`, cpuMs, 'ms', aimMs, 'in turns of 1 ms'),
      figure(`${name}, N=${PODS}, longest step`, stepMs, 'ms', STEP_AIM_MS, note),
    ];
  });
}

/** Body of the process that `measureAnalysis` starts: prints the cost of each analysis as JSON. */
export function analyse(): void {
  const mesh = meshOf({ pods: PODS, scenario: 'mixed', windowMs: WINDOW_MS });
  const costs = [1, CLAUSES.length, MOST_CLAUSES].map((count) => {
    const clauses = Array.from({ length: count }, (_, i) => parseClause(CLAUSES[i % CLAUSES.length] ?? ''));
    return costOf(`verdict of ${count} clause${count === 1 ? '' : 's'}`, () => judge(mesh, clauses, WINDOW_MS));
  });
  costs.push(costOf('findings, a dead node and more', () => findings(mesh)));
  // Every other link fails.
  for (const { links, pod } of mesh.reports) for (let i = 0; i < links.length; i++) links.outcome[i] = (i + pod) % 2;
  costs.push(costOf('findings, half of all links failed', () => findings(mesh)));
  process.stdout.write(JSON.stringify(costs));
}

function* findings({ atMs, pods, reports, settings, discovery, servedBy }: Mesh): Generator<void, unknown> {
  const counts = new MeshCounts(pods, settings);
  for (const report of reports) {
    counts.add(report);
    yield;
  }
  const analysis = yield* analysisOf(counts, servedBy.pod);
  return yield* findingsFrom(analysis, { atMs, discovery, servedBy: servedBy.pod });
}

function costOf(name: string, start: () => Generator<void, unknown>): Cost {
  const shortestMs: number[] = [];
  let cpuMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    const work = start();
    for (let i = 0, isDone = false; !isDone; i++) {
      const startMs = performance.now();
      isDone = work.next().done === true;
      shortestMs[i] = Math.min(shortestMs[i] ?? Number.POSITIVE_INFINITY, performance.now() - startMs);
    }
    const { user, system } = process.cpuUsage(before);
    cpuMs = Math.min(cpuMs, (user + system) / 1000);
  }
  return { name, cpuMs, stepMs: shortestMs.reduce((longest, ms) => Math.max(longest, ms), 0) };
}
