/** How the bench is to run. */
export interface BenchOptions {
  json: boolean;
  /** Shorter windows and fewer repetitions: figures are rougher. */
  quick: boolean;
  help: boolean;
  /** Scenes to measure, by number of pods; empty = all. */
  pods: number[];
  /** Node's flags for the server; null = those in its first line. */
  nodeFlags: string[] | null;
}

/** What `--help` prints. */
export const HELP = `npm run bench -- [--quick] [--json] [--pods=N,...] [--node-flags="..."]

Starts the built server against simulated peers on loopback and prints what it costs and how exact it is.
  --quick       shorter windows, fewer repetitions
  --json        the same figures as JSON
  --pods        only these scenes: 0 (start), 50, 100, 1000
  --node-flags  flags of Node for the server, e.g. --max-semi-space-size=2; by default those in its first line
`;

/** Reads the arguments. Throws an Error that names a wrong one. */
export function readOptions(args: readonly string[]): BenchOptions {
  const options: BenchOptions = { json: false, quick: false, help: false, pods: [], nodeFlags: null };
  for (const arg of args) {
    const pods = /^--pods=(\d+(?:,\d+)*)$/.exec(arg)?.[1];
    const flags = /^--node-flags=(.*)$/.exec(arg)?.[1];
    if (arg === '--json') options.json = true;
    else if (arg === '--quick') options.quick = true;
    else if (arg === '--help') options.help = true;
    else if (pods !== undefined) options.pods = pods.split(',').map(Number);
    else if (flags !== undefined) options.nodeFlags = flags.split(' ').filter((flag) => flag !== '');
    else throw new Error(`cannot make sense of ${arg}\n\n${HELP}`);
  }
  return options;
}
