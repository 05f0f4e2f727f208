import { parseArgs } from 'node:util';
import { type Figure, figure, jsonText, tableText } from './figures.ts';

/** One thing to measure, and its name in the progress messages. */
export interface Step {
  name: string;
  run(): Promise<Figure[]>;
}

/** The flags of a bench. */
export interface BenchFlags {
  /** Shorter windows and fewer repetitions; the figures are rougher. */
  isQuick: boolean;
  /** Numbers of pods to measure; empty = all. */
  pods: number[];
  /** Flags of Node for the server; null = those in its first line. */
  nodeFlags: string[] | null;
}

/** A bench program. */
export interface Bench {
  /** What `--help` prints. A flag that it does not name is refused. */
  help: string;
  /** The whole bench takes less; beyond it something hangs. */
  deadlineMs: number;
  /** Measures with the given flags; `run` runs steps and keeps their figures. */
  measure(flags: BenchFlags, run: (steps: readonly Step[]) => Promise<void>): Promise<void>;
}

/**
 * Runs a bench with the process's arguments, and prints its figures as a table or JSON: those it has when it ends, fails
 * or reaches its deadline. The exit code is 1 where a figure could not be measured.
 */
export async function runBench(bench: Bench): Promise<void> {
  const figures: Figure[] = [];
  const fail = (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  };
  try {
    const { flags, isJson, isHelp } = readFlags(bench.help);
    if (isHelp) return void process.stdout.write(bench.help);
    const print = () => process.stdout.write(isJson ? jsonText(figures) : tableText(figures));
    const deadline = setTimeout(() => {
      print();
      fail(`the bench took longer than ${bench.deadlineMs / 1000} s`);
      process.exit();
    }, bench.deadlineMs);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
    try {
      await bench.measure(flags, (steps) => runSteps(steps, figures));
      print();
      if (figures.some(({ value }) => value === null)) process.exitCode = 1;
    } finally {
      clearTimeout(deadline);
    }
  } catch (error) {
    fail(error);
  }
}

async function runSteps(steps: readonly Step[], figures: Figure[]): Promise<void> {
  const startMs = performance.now();
  for (const [i, { name, run }] of steps.entries()) {
    const elapsedS = ((performance.now() - startMs) / 1000).toFixed(0);
    process.stderr.write(`${i + 1} of ${steps.length}, ${elapsedS} s: measuring ${name} ...\n`);
    try {
      figures.push(...(await run()));
    } catch (error) {
      // A failed step does not stop the others.
      figures.push(figure(name, Number.NaN, 'ms', null, messageOf(error)));
    }
  }
}

function readFlags(help: string): { flags: BenchFlags; isJson: boolean; isHelp: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        pods: { type: 'string', default: '' },
        'node-flags': { type: 'string' },
      },
    });
    const { quick: isQuick, json: isJson, help: isHelp, pods } = values;
    const nodeFlags = values['node-flags']?.split(' ').filter((flag) => flag !== '') ?? null;
    if (!/^(\d{1,4}(,\d{1,4})*)?$/.test(pods)) throw new Error(`--pods=${pods}: not a list of numbers`);
    if (nodeFlags !== null && !help.includes('--node-flags')) throw new Error('--node-flags: unknown flag');
    return { flags: { isQuick, pods: pods === '' ? [] : pods.split(',').map(Number), nodeFlags }, isJson, isHelp };
  } catch (error) {
    throw new Error(`${messageOf(error)}\n\n${help}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
