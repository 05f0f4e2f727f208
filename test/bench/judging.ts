import { execFile } from 'node:child_process';
import { MeshCounts } from '../../server/analysis/findings/counts.ts';
import { findingsFrom } from '../../server/analysis/findings/findings.ts';
import { parseClause } from '../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../server/analysis/verdict/verdict.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import { type Line, line } from './report.ts';

/** What one kind of work over a whole mesh took. */
interface Work {
  name: string;
  /** CPU of the process, the least of all runs, ms. */
  cpuMs: number;
  /** The longest step between two looks at the clock; of each step the shortest run counts, ms. */
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
/** A verdict has 150 ms of the second that tools wait, turns of others included. */
const VERDICT_AIM_MS = 75;
/** A turn ends a step after 1 ms. */
const STEP_AIM_MS = 1;

/** Judges and looks for what stands out in meshes of 1000 pods, in a process of its own with the server's flags. */
export async function measureJudging(program: string, nodeFlags: readonly string[]): Promise<Line[]> {
  const text = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [...nodeFlags, program, 'judge'], (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
  return (JSON.parse(text) as Work[]).flatMap(({ name, cpuMs, stepMs }) => [
    line(
      `${name}, N=${PODS}, CPU`,
      cpuMs,
      'ms',
      name.startsWith('verdict') ? VERDICT_AIM_MS : null,
      'in turns of 1 ms',
    ),
    line(`${name}, N=${PODS}, longest step`, stepMs, 'ms', STEP_AIM_MS, `of each step the shortest of ${RUNS} runs`),
  ]);
}

/** What `measureJudging` starts: prints what each kind of work took as JSON. */
export function playJudge(): void {
  const mesh = meshOf({ pods: PODS, scenario: 'mixed', windowMs: WINDOW_MS });
  const clausesOf = (count: number) =>
    Array.from({ length: count }, (_, i) => parseClause(CLAUSES[i % CLAUSES.length] ?? ''));
  const works = [1, CLAUSES.length, MOST_CLAUSES].map((count) => {
    const clauses = clausesOf(count);
    return workOf(`verdict of ${count} clause${count === 1 ? '' : 's'}`, () => judge(mesh, clauses, WINDOW_MS));
  });
  works.push(workOf('findings, a dead node and more', () => findings(mesh)));
  spoil(mesh);
  works.push(workOf('findings, half of all links failed', () => findings(mesh)));
  process.stdout.write(JSON.stringify(works));
}

function* findings({ pods, reports, settings, discovery, servedBy }: Mesh): Generator<void, unknown> {
  const counts = new MeshCounts(pods, settings.slowLinkMs);
  for (const report of reports) {
    counts.add(report);
    yield;
  }
  return yield* findingsFrom(counts, { discovery, servedBy: servedBy.pod });
}

/** Lets every other link fail. */
function spoil({ reports }: Mesh): void {
  for (const { links, pod } of reports) for (let i = 0; i < links.length; i++) links.outcome[i] = (i + pod) % 2;
}

function workOf(name: string, make: () => Generator<void, unknown>): Work {
  const least: number[] = [];
  let cpuMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    const work = make();
    for (let i = 0, isDone = false; !isDone; i++) {
      const startMs = performance.now();
      isDone = work.next().done === true;
      least[i] = Math.min(least[i] ?? Number.POSITIVE_INFINITY, performance.now() - startMs);
    }
    const { user, system } = process.cpuUsage(before);
    cpuMs = Math.min(cpuMs, (user + system) / 1000);
  }
  return { name, cpuMs, stepMs: least.reduce((longest, ms) => Math.max(longest, ms), 0) };
}
