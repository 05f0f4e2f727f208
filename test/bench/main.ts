import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { measureBaseline } from './baseline.ts';
import { measureJudging, playJudge } from './judging.ts';
import { launchOf } from './launch.ts';
import { measureScene, measureStart, type Plan } from './measures.ts';
import { type BenchOptions, HELP, readOptions } from './options.ts';
import { jsonText, type Line, line, tableText } from './report.ts';
import type { Stage } from './scene.ts';
import { playPeers } from './simulated-peers.ts';
import { createWorkspace } from './workspace.ts';

/** The whole bench takes less; beyond it something hangs. */
const DEADLINE_MS = 240_000;

/**
 * The scenes, smallest first. Aims without a round figure are what Goldpinger 3.10.2 or our prototypes took on this kind
 * of machine: at N=50 and an interval of 1 s Goldpinger needs 3.46 % of a core, and 108 ms for `/check_all` at 2 s.
 */
function plansOf(isQuick: boolean): Plan[] {
  const repetitions = isQuick ? 2 : 5;
  const small = {
    intervalS: 1,
    windowS: isQuick ? 4 : 10,
    repetitions,
    rssAimMiB: 64,
    peakAimMiB: 80,
    isScraped: false,
  };
  return [
    { ...small, pods: 50, cpuAimPercent: 3.46, checkAllAimMs: 108 },
    { ...small, pods: 100, cpuAimPercent: null, checkAllAimMs: null },
    {
      pods: 1000,
      intervalS: 2,
      windowS: isQuick ? 6 : 20,
      repetitions: isQuick ? 1 : 3,
      rssAimMiB: 80,
      peakAimMiB: 80,
      cpuAimPercent: null,
      checkAllAimMs: 1500,
      isScraped: true,
    },
  ];
}

async function measureAll(stage: Stage, { quick, pods }: BenchOptions): Promise<Line[]> {
  const steps: [string, () => Promise<Line[]>][] = [];
  const isWanted = (count: number) => pods.length === 0 || pods.includes(count);
  steps.push(['a bare exchange', () => measureBaseline(quick ? 2 : 6)]);
  if (isWanted(0)) steps.push(['start', () => measureStart(stage, quick ? 3 : 5)]);
  for (const plan of plansOf(quick)) {
    if (isWanted(plan.pods)) steps.push([`N=${plan.pods}`, () => measureScene(stage, plan)]);
  }
  if (isWanted(1000)) steps.push(['verdicts', () => measureJudging(stage.benchProgram, stage.nodeFlags)]);
  const lines: Line[] = [];
  for (const [name, step] of steps) {
    process.stderr.write(`measuring ${name} ...\n`);
    try {
      lines.push(...(await step()));
    } catch (error) {
      // The other figures are worth having all the same.
      lines.push(line(name, Number.NaN, 'ms', null, error instanceof Error ? error.message : String(error)));
    }
  }
  return lines;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const benchProgram = resolve(process.argv[1] ?? '');
  const serverProgram = join(dirname(benchProgram), 'goldpinger-ts.cjs');
  if (!existsSync(serverProgram)) throw new Error(`${serverProgram} is not there: npm run build makes it`);
  const deadline = setTimeout(() => {
    process.stderr.write(`the bench took longer than ${DEADLINE_MS / 1000} s\n`);
    process.exit(1);
  }, DEADLINE_MS);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const workspace = await createWorkspace();
  try {
    const launch = launchOf(serverProgram);
    const nodeFlags = options.nodeFlags ?? launch.nodeFlags;
    const stage = { serverProgram, benchProgram, workspace, ...launch, nodeFlags };
    const lines = await measureAll(stage, options);
    process.stdout.write(options.json ? jsonText(lines) : tableText(lines));
    if (lines.some(({ value }) => value === null)) process.exitCode = 1;
  } finally {
    clearTimeout(deadline);
    await workspace.remove();
  }
}

if (process.argv[2] === 'peers') {
  playPeers();
} else if (process.argv[2] === 'judge') {
  playJudge();
} else {
  main().catch((error) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
