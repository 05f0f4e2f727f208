/** How the bench is to run. */
export interface BenchOptions {
  json: boolean;
  /** Shorter windows and fewer repetitions: figures are rougher. */
  quick: boolean;
  help: boolean;
}

/** What `--help` prints. */
export const HELP = `npm run bench -- [--quick] [--json]

Starts the built server against simulated peers on loopback and prints what it costs and how exact it is.
  --quick  shorter windows, fewer repetitions
  --json   the same figures as JSON
`;

/** Reads the arguments. Throws an Error that names an unknown one. */
export function readOptions(args: readonly string[]): BenchOptions {
  const unknown = args.find((arg) => !['--json', '--quick', '--help'].includes(arg));
  if (unknown !== undefined) throw new Error(`unknown argument ${unknown}\n\n${HELP}`);
  return { json: args.includes('--json'), quick: args.includes('--quick'), help: args.includes('--help') };
}
