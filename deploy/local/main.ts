// Entry point of `npm start` and `npm run local`: starts a local cluster, or runs a command on the running one.
import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { isCommand, runCommand } from './client/commands.ts';
import { parseStartOptions, runStartCommand } from './start-command.ts';
import { HELP, UsageError } from './usage.ts';

process.stdout.on('error', () => {}); // Without this, a reader that exits (`| head`) would end the cluster.
// Keeps the process until `main` has ended. Without it Node exits with 0, and without a word, while `fetch` waits for a connection
// that was reset: the timer of AbortSignal.timeout does not keep it.
setInterval(() => {}, 60_000);
main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${withOurCommand(message)}\n${error instanceof UsageError ? 'See --help.\n' : ''}`);
    process.exit(1);
  },
);

async function main(args: string[]): Promise<void> {
  const print = (text: string) => process.stdout.write(withOurCommand(text));
  if (asksForHelp(args)) {
    print(HELP);
  } else if (isCommand(args[0])) {
    await runCommand(args, { print, onTerminal: process.stdout.isTTY, onStop });
  } else {
    // This program and the server are built into the same folder.
    const serverPath = join(dirname(realpathSync(process.argv[1] ?? '.')), 'goldpinger-ts.cjs');
    const printLine = (line: string) => print(`${line}\n`);
    await runStartCommand(parseStartOptions(args), { print: printLine, onStop, serverPath });
  }
}

/** Where this program was installed from npm, no script of our package.json can be run: it names the package's command instead. */
function withOurCommand(text: string): string {
  const isPackage = realpathSync(process.argv[1] ?? '.').includes(join('node_modules', 'goldpinger-ts', 'dist'));
  return isPackage ? text.replaceAll(/npm (?:start|run local)(?: --)?/g, 'npx goldpinger-ts local') : text;
}

/** Whether the user asks for help. After `toxic`, `-h` is not help: it is toxiproxy-cli's option for the host. */
function asksForHelp(args: readonly string[]): boolean {
  return args[0] === 'help' || args.includes('--help') || (args.includes('-h') && args[0] !== 'toxic');
}

const PARENT_CHECK_MS = 500;

/** Calls `stop` at the first SIGINT, SIGTERM or SIGHUP, or when npm has ended; exits at the second signal. */
function onStop(stop: () => void): void {
  if (process.env['npm_lifecycle_event'] !== undefined) {
    // On SIGHUP npm ends without telling us. We notice it, because our parent process changes.
    const { ppid } = process;
    const timer = setInterval(() => {
      if (process.ppid === ppid) return;
      clearInterval(timer);
      stop();
    }, PARENT_CHECK_MS).unref();
  }
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    // The watchdog (watchdog.ts) then kills what the cluster left running.
    if (isStopping) process.exit(128 + constants.signals[signal]);
    isStopping = true;
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
}
