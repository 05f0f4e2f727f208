import { defineConfig } from 'vitest/config';

/** In CI a test of real processes or a real browser has a second try: a busy machine can miss one of its deadlines. */
const retry = process.env['CI'] === undefined ? 0 : 1;

/**
 * Three suites of `npm test`: unit (in memory), integration (real processes over real sockets), e2e (a real browser). Six
 * that need programs of others: deploy (helm, kubectl), prometheus (prometheus, promtool), toxiproxy and goldpinger (go),
 * chaos-tools (python) and network (nft).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.{ts,tsx}'],
          environment: 'node',
          // No module of ours keeps state, so files share what is loaded: half the time of a worker for each.
          isolate: false,
          testTimeout: 30_000,
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          retry,
          include: ['test/integration/**/*.test.ts'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Most of them wait for most of the time: three at a time fit on two cores.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
          // `describe.concurrent` is for tests that mostly wait.
          maxConcurrency: 12,
        },
      },
      {
        test: {
          name: 'e2e',
          retry,
          include: ['test/e2e/**/*.test.ts'],
          // Walks of two minutes that want an idle machine: `npm run test:experiments`.
          exclude: ['test/e2e/experiment-*.test.ts'],
          globalSetup: 'test/e2e/browser.ts',
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 90_000,
          // Pages wait for most of the time: three browsers at a time fit on two cores.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      ...[
        ['deploy', 'test/deploy/**/*.test.ts'],
        ['prometheus', 'test/prometheus/**/*.test.ts'],
        ['toxiproxy', 'test/toxiproxy/**/*.test.ts'],
        ['goldpinger', 'test/goldpinger/**/*.test.ts'],
        ['chaos-tools', 'test/chaos-tools/**/*.test.ts'],
        ['network', 'test/network/**/*.test.ts'],
        ['experiments', 'test/e2e/experiment-*.test.ts'],
      ].map(([name = '', include = '']) => ({
        test: {
          name,
          include: [include],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      })),
    ],
  },
});
