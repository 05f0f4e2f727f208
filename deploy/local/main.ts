import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isCommand, runCommand } from './client/commands.ts';
import { FlagError, HELP, parseStartFlags } from './command-line.ts';
import { runCluster } from './run.ts';

/** The server lies beside this file, once both are built. */
const serverPath = join(dirname(realpathSync(process.argv[1] ?? '.')), 'goldpinger-ts.cjs');

function onEnd(end: () => void): void {
  let asked = false;
  const onSignal = (signal: NodeJS.Signals) => {
    // The watchdog kills what is left.
    if (asked) process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    asked = true;
    end();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
}

/** Anywhere, also after a command; `-h` of `toxic` is toxiproxy-cli's host. */
function asksForHelp(args: readonly string[]): boolean {
  return args[0] === 'help' || args.includes('--help') || (args.includes('-h') && args[0] !== 'toxic');
}

async function main(args: string[]): Promise<number> {
  if (isCommand(args[0]) && !asksForHelp(args)) {
    const { stdout } = process;
    return runCommand(args, { print: (text) => stdout.write(text), onTerminal: stdout.isTTY, onEnd });
  }
  const flags = parseStartFlags(asksForHelp(args) ? ['--help'] : args);
  if (flags.help) {
    process.stdout.write(HELP);
    return 0;
  }
  await runCluster(flags, { print: (line) => process.stdout.write(`${line}\n`), onEnd, pid: process.pid, serverPath });
  return 0;
}

process.stdout.on('error', () => {}); // The reader of our output may go (`| head`); the cluster need not.
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\n${error instanceof FlagError ? 'See --help.\n' : ''}`,
    );
    process.exit(1);
  },
);
