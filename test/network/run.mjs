// `npm run test:network`: runs the suite in a network namespace of its own, so that bridges, addresses and packet filters
// never touch those of this machine. Arguments go to vitest: `npm run test:network -- -t frozen` runs one scenario.
import { spawnSync } from 'node:child_process';

/** What each program is for, and the Debian package that has it. */
const PROGRAMS = [
  ['unshare', 'makes network namespaces', 'util-linux'],
  ['nsenter', 'enters them', 'util-linux'],
  ['ip', 'connects them', 'iproute2'],
  ['nft', 'drops, rejects and redirects packets', 'nftables'],
];

const isLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const missing = [
  ...(isLinux ? [] : [`Linux: this is ${process.platform}`]),
  ...(isRoot ? [] : ['root: network namespaces need it']),
  ...PROGRAMS.filter(([program]) => spawnSync(program, ['--version']).error !== undefined).map(
    ([program, purpose, debian]) => `the program ${program}, which ${purpose} (Debian's package ${debian})`,
  ),
];
if (missing.length === 0 && spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status !== 0) {
  missing.push('a kernel that allows network namespaces with nftables: `unshare --net nft list ruleset` fails');
}
if (missing.length > 0) {
  console.error(`npm run test:network cannot run here. Missing:\n${missing.map((what) => `- ${what}`).join('\n')}`);
  process.exit(1);
}
const vitest = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--project',
  'network',
  '--reporter=verbose',
  ...process.argv.slice(2),
];
// With a process namespace the kernel ends all pods when vitest ends, however it ends.
const flags = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
process.exit(spawnSync('unshare', [...flags, process.execPath, ...vitest], { stdio: 'inherit' }).status ?? 1);
