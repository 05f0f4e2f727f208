import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isCommand, runCommand } from './client/commands.ts';
import { parseStartOptions, runStartCommand } from './start-command.ts';
import { HELP, UsageError } from './usage.ts';

process.stdout.on('error', () => {}); // The reader of the output may exit (`| head`). The cluster goes on.
main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message}\n${error instanceof UsageError ? 'See --help.\n' : ''}`);
    process.exit(1);
  },
);

async function main(args: string[]): Promise<void> {
  const print = (text: string) => process.stdout.write(text);
  if (asksForHelp(args)) {
    print(HELP);
  } else if (isCommand(args[0])) {
    await runCommand(args, { print, onTerminal: process.stdout.isTTY, onStop });
  } else {
    // Both programs are built into the same folder.
    const serverPath = join(dirname(realpathSync(process.argv[1] ?? '.')), 'goldpinger-ts.cjs');
    const printLine = (line: string) => print(`${line}\n`);
    await runStartCommand(parseStartOptions(args), { print: printLine, onStop, pid: process.pid, serverPath });
  }
}

/** Whether help is asked for, also after a command. The `-h` of `toxic` is toxiproxy-cli's host. */
function asksForHelp(args: readonly string[]): boolean {
  return args[0] === 'help' || args.includes('--help') || (args.includes('-h') && args[0] !== 'toxic');
}

function onStop(stop: () => void): void {
  let isSecond = false;
  const onSignal = (signal: NodeJS.Signals) => {
    // The watchdog kills the remaining processes.
    if (isSecond) process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    isSecond = true;
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
}
