import { existsSync } from 'node:fs';
import { launchBrowser } from '../e2e/browser.ts';
import { bundleStep, measureGrowth, measureSize, PAGE_DIR, podSteps } from './page-figures.ts';
import { runBench } from './program.ts';

const HELP = `npm run bench:web -- [--quick] [--json] [--pods=N,...]

Shows made-up clusters of 100, 500 and 1000 pods, and graphs of 60 and 120 single pods, through the product's HTTP side in a
headless browser that renders in software, and prints the cost of the page. The quickest: --quick --pods=30.
  --quick  fewer repetitions: figures are rougher
  --json   the same figures as JSON
  --pods   only these clusters
`;

void runBench({
  help: HELP,
  deadlineMs: 900_000,
  async measure({ isQuick, pods }, run) {
    if (!existsSync(PAGE_DIR)) throw new Error(`${PAGE_DIR} does not exist: npm run build makes it`);
    const browser = await launchBrowser();
    const sizes = pods.length === 0 ? [100, 500, 1000] : pods;
    try {
      await run([
        { name: 'the size of the page', run: async () => measureSize() },
        ...sizes.flatMap((count) => podSteps(browser, count, isQuick ? 5 : 15)),
        ...(pods.length === 0 ? [60, 120] : pods.filter((count) => count <= 160)).map((count) =>
          bundleStep(browser, count),
        ),
        { name: 'growth', run: () => measureGrowth(browser, isQuick ? 100 : 500) },
      ]);
    } finally {
      await browser.close();
    }
  },
});
