import { parseArgs } from 'node:util';
import { type Comparison, comparisonRows } from './comparison.ts';
import { alignedText, type Figure, figure, tableText } from './figures.ts';

/** One thing to measure, and its name in the progress messages. */
export interface Step {
  name: string;
  run(): Promise<(Figure | Comparison)[]>;
}

/** The flags of a bench. */
export interface BenchFlags {
  /** Shorter windows and fewer repetitions; the figures are rougher. */
  isQuick: boolean;
  /** Numbers of pods to measure; empty = all. */
  pods: number[];
  /** Numbers of real processes to compare with Goldpinger; empty = all. */
  mesh: number[];
  /** Whether our server also sends datagrams in these meshes. */
  isUdp: boolean;
}

/** A bench program. */
export interface Bench {
  /** What `--help` prints. A flag that it does not name is refused. */
  help: string;
  /** The whole bench takes less; beyond it something hangs. */
  deadlineMs: number;
  /** Measures with the given flags; `run` runs steps and keeps their figures, `remark` keeps a sentence about all of them. */
  measure(
    flags: BenchFlags,
    run: (steps: readonly Step[]) => Promise<void>,
    remark: (text: string) => void,
  ): Promise<void>;
}

/** What a bench has measured so far. */
interface Results {
  figures: Figure[];
  comparisons: Comparison[];
  remarks: string[];
}

/** All results as tables for people; a table without rows is left out. */
function textOf({ figures, comparisons, remarks }: Results): string {
  const tables = [
    figures.length === 0 ? '' : tableText(figures),
    comparisons.length === 0 ? '' : alignedText(comparisonRows(comparisons), [2, 3, 4, 5, 6, 7, 8, 9, 11]),
    remarks.map((remark) => `${remark}\n`).join(''),
  ];
  return tables.filter((table) => table !== '').join('\n');
}

/** All results as JSON for programs. What could not be measured is null. */
function jsonText(results: Results): string {
  return `${JSON.stringify({ node: process.version, ...results }, null, 2)}\n`;
}

/** Whether everything could be measured. */
function isComplete({ figures, comparisons }: Results): boolean {
  const hasAll = ({ values }: Comparison) => Object.values(values).every((value) => Number.isFinite(value));
  return figures.every(({ value }) => value !== null) && comparisons.every(hasAll);
}

/**
 * Runs a bench with the process's arguments, and prints its figures as a table or JSON: those it has when it ends, fails
 * or reaches its deadline. The exit code is 1 where a figure could not be measured.
 */
export async function runBench(bench: Bench): Promise<void> {
  const results: Results = { figures: [], comparisons: [], remarks: [] };
  const fail = (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  };
  try {
    const { flags, isJson, isHelp } = readFlags(bench.help);
    if (isHelp) return void process.stdout.write(bench.help);
    const print = () => process.stdout.write(isJson ? jsonText(results) : textOf(results));
    const deadline = setTimeout(() => {
      print();
      fail(`the bench took longer than ${bench.deadlineMs / 1000} s`);
      process.exit();
    }, bench.deadlineMs);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
    try {
      await bench.measure(
        flags,
        (steps) => runSteps(steps, results),
        (remark) => results.remarks.push(remark),
      );
      print();
      if (!isComplete(results)) process.exitCode = 1;
    } finally {
      clearTimeout(deadline);
    }
  } catch (error) {
    fail(error);
  }
}

async function runSteps(steps: readonly Step[], { figures, comparisons }: Results): Promise<void> {
  const startMs = performance.now();
  for (const [i, { name, run }] of steps.entries()) {
    const elapsedS = ((performance.now() - startMs) / 1000).toFixed(0);
    process.stderr.write(`${i + 1} of ${steps.length}, ${elapsedS} s: measuring ${name} ...\n`);
    try {
      for (const one of await run()) {
        if ('values' in one) comparisons.push(one);
        else figures.push(one);
      }
    } catch (error) {
      // A failed step does not stop the others.
      figures.push(figure(name, Number.NaN, 'ms', null, messageOf(error)));
    }
  }
}

/**
 * Reads the flags of a bench that has this help. Throws an Error with the help if one of them is unknown, or not named by the help.
 */
function readFlags(help: string): { flags: BenchFlags; isJson: boolean; isHelp: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        pods: { type: 'string', default: '' },
        mesh: { type: 'string', default: '' },
        udp: { type: 'boolean', default: false },
      },
    });
    const { quick: isQuick, json: isJson, help: isHelp, pods, mesh, udp: isUdp } = values;
    if (mesh !== '' && !help.includes('--mesh')) throw new Error('--mesh: unknown flag');
    if (isUdp && !help.includes('--udp')) throw new Error('--udp: unknown flag');
    return { flags: { isQuick, pods: numbers('--pods', pods), mesh: numbers('--mesh', mesh), isUdp }, isJson, isHelp };
  } catch (error) {
    throw new Error(`${messageOf(error)}\n\n${help}`);
  }
}

/** Reads `1,20,300`; '' is no number. */
function numbers(flag: string, text: string): number[] {
  if (!/^(\d{1,4}(,\d{1,4})*)?$/.test(text)) throw new Error(`${flag}=${text}: not a list of numbers`);
  return text === '' ? [] : text.split(',').map(Number);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
