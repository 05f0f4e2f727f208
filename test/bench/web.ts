import { existsSync } from 'node:fs';
import { launchBrowser } from '../e2e/browser.ts';
import { jsonText, type Line, line, tableText } from './report.ts';
import { measureGrowth, measureSize, PAGE_DIR, podSteps, type Step } from './web-measures.ts';

const HELP = `npm run bench:web -- [--quick] [--json] [--pods=N,...]

Shows made-up clusters of 100, 500 and 1000 pods through the product's HTTP side in a headless browser that renders in
software, and prints what the page takes.
  --quick  fewer repetitions: figures are rougher
  --json   the same figures as JSON
  --pods   only these clusters
`;
/** The whole bench takes less; beyond it something hangs. */
const DEADLINE_MS = 900_000;

/** How the bench is to run. */
interface Options {
  isJson: boolean;
  isQuick: boolean;
  pods: number[];
}

function readOptions(args: readonly string[]): Options {
  const options: Options = { isJson: false, isQuick: false, pods: [100, 500, 1000] };
  for (const arg of args) {
    const pods = /^--pods=(\d{1,4}(?:,\d{1,4})*)$/.exec(arg)?.[1];
    if (arg === '--json') options.isJson = true;
    else if (arg === '--quick') options.isQuick = true;
    else if (pods !== undefined) options.pods = pods.split(',').map(Number);
    else throw new Error(`cannot make sense of ${arg}\n\n${HELP}`);
  }
  return options;
}

/** Adds the figures to `lines` as they come, so that what there is can be shown if the bench has to be cut off. */
async function measureAll({ isQuick, pods }: Options, lines: Line[]): Promise<void> {
  lines.push(...(await measureSize()));
  const browser = await launchBrowser();
  const steps: Step[] = [
    ...pods.flatMap((count) => podSteps(browser, count, isQuick ? 5 : 15)),
    { name: 'growth', run: () => measureGrowth(browser, isQuick ? 100 : 500) },
  ];
  const startMs = performance.now();
  try {
    for (const [i, { name, run }] of steps.entries()) {
      const tookS = ((performance.now() - startMs) / 1000).toFixed(0);
      process.stderr.write(`${i + 1} of ${steps.length}, ${tookS} s: ${name}\n`);
      try {
        lines.push(...(await run()));
      } catch (error) {
        // The other figures are worth having all the same.
        lines.push(line(name, Number.NaN, 'ms', null, error instanceof Error ? error.message : String(error)));
      }
    }
  } finally {
    await browser.close();
  }
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return;
  }
  const options = readOptions(args);
  if (!existsSync(PAGE_DIR)) throw new Error(`${PAGE_DIR} is not there: npm run build makes it`);
  const lines: Line[] = [];
  const show = () => process.stdout.write(options.isJson ? jsonText(lines) : tableText(lines));
  const deadline = setTimeout(() => {
    show();
    process.stderr.write(`the bench took longer than ${DEADLINE_MS / 1000} s\n`);
    process.exit(1);
  }, DEADLINE_MS);
  try {
    await measureAll(options, lines);
    show();
    if (lines.some(({ value }) => value === null)) process.exitCode = 1;
  } finally {
    clearTimeout(deadline);
  }
}

main().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
