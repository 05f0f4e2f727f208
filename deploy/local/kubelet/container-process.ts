import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { textOf } from '../../../server/contract/errors.ts';

/** A command that stands for an image: a program, its arguments and its whole environment. */
export interface Command {
  file: string;
  args: string[];
  env: Record<string, string>;
}

/** How a process ended; `signal` is a number as in `terminated.signal` of Kubernetes, 0 = none. */
export interface Exit {
  exitCode: number;
  signal: number;
}

/** A running container. */
export interface ContainerProcess {
  /** 0 if it could not be started. */
  pid: number;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches the cluster alone. `onExit` is called
 * once, also if it could not be started (exit code 128, as container runtimes have it); all output has come before.
 */
export function startProcess(
  command: Command,
  onOutput: (chunk: Buffer) => void,
  onExit: (exit: Exit) => void,
): ContainerProcess {
  const child = spawn(command.file, command.args, {
    env: command.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.on('data', onOutput);
  child.stderr.on('data', onOutput);
  child.on('error', (error) => {
    if (child.pid !== undefined) return;
    onOutput(Buffer.from(`cannot start: ${textOf(error)}\n`));
    onExit({ exitCode: 128, signal: 0 });
  });
  child.on('close', (code, signal) => {
    const number = signal === null ? 0 : constants.signals[signal];
    if (child.pid !== undefined) onExit({ exitCode: code ?? 128 + number, signal: number });
  });
  return {
    pid: child.pid ?? 0,
    kill(signal) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        child.kill(signal);
      }
    },
  };
}
