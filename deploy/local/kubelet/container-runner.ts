import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import { type Container, type ContainerState, type ContainerStatus, kubeTime } from '../api/objects.ts';
import type { Watchdog } from '../watchdog.ts';
import type { KeptLog } from './container-log.ts';
import { KNOWN_IMAGES } from './images.ts';
import { afterStartup, type ReadinessCheck, watchReadiness } from './readiness.ts';

/** A command that stands for an image: a program, its arguments and its whole environment. */
export interface Command {
  file: string;
  args: string[];
  env: Record<string, string>;
}

/** How a process ended; `signal` is a number as in `terminated.signal` of Kubernetes, 0 = none. */
interface Exit {
  exitCode: number;
  signal: number;
}

/** A running container. */
interface ContainerProcess {
  /** 0 if it could not be started. */
  pid: number;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches the cluster alone. `onExit` is called
 * once, also if it could not be started (exit code 128, as container runtimes have it); all output has come before.
 */
function startProcess(
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

/** What running a container takes. */
export interface RunnerDeps {
  clock: Clock;
  watchdog: Watchdog;
  check: ReadinessCheck;
  /** Waits before restarts: the first one, doubled up to the longest. */
  backoff: { firstMs: number; longestMs: number };
}

/** A container as its pod wants it run. */
interface RunnerSpec {
  container: Container;
  /** null = there is no such image here. */
  command: Command | null;
  /** The image that is missing then. */
  missing: string;
  ip: string;
  restartPolicy: string;
  log: KeptLog;
  /** Called after each change of `status`. */
  onChange: (what: string) => void;
}

/** A process that ran this long has recovered: its next restart waits the shortest time again. */
const RECOVERED_MS = 60_000;

/** Runs one container: starts it, asks whether it is ready, restarts it with back-off, stops it. */
export class ContainerRunner {
  readonly #deps: RunnerDeps;
  readonly #spec: RunnerSpec;
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  #lastState: ContainerState = {};
  #restarts = 0;
  #backoffMs: number;
  #ready = false;
  #stopping = false;
  #process: ContainerProcess | null = null;
  #restartTimer: Timer | undefined;
  #stopReadiness = () => {};

  constructor(deps: RunnerDeps, spec: RunnerSpec) {
    this.#deps = deps;
    this.#spec = spec;
    this.#backoffMs = deps.backoff.firstMs;
  }

  /** The id of its process; 0 while there is none. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Whether it will never run again, and how its last process ended. */
  get finished(): boolean {
    return this.#process === null && (this.#stopping || (this.#state.terminated !== undefined && !this.#mayRestart()));
  }

  /** As in `status.containerStatuses` of its pod. */
  get status(): ContainerStatus {
    const { container, ip } = this.#spec;
    return {
      name: container.name,
      image: container.image,
      imageID: this.#spec.command === null ? '' : `local://${container.image}`,
      ...(this.pid > 0 ? { containerID: `process://${ip}/${this.pid}` } : {}),
      ready: this.#ready,
      started: this.#state.running !== undefined,
      restartCount: this.#restarts,
      state: this.#state,
      lastState: this.#lastState,
    };
  }

  /** Starts the process, or says why it cannot be. */
  start(): void {
    const { command, container, log, ip, onChange, missing } = this.#spec;
    if (command === null) {
      const message = `Back-off pulling image "${missing}": this machine runs no images, only ${KNOWN_IMAGES}`;
      this.#state = { waiting: { reason: 'ImagePullBackOff', message } };
      onChange('ImagePullBackOff');
      return;
    }
    const startedMs = this.#deps.clock.nowMs();
    this.#process = startProcess(
      command,
      (chunk) => log.append(chunk),
      (exit) => this.#ended(exit, startedMs),
    );
    if (this.#process.pid > 0) this.#deps.watchdog.guard(this.#process.pid);
    this.#state = { running: { startedAt: kubeTime(startedMs) } };
    const { clock, check } = this.#deps;
    this.#stopReadiness = afterStartup(container, ip, clock, () =>
      watchReadiness(container, ip, (ready) => this.#setReady(ready), { clock, check }),
    );
    onChange('Started');
  }

  /** Asks the process to end (SIGTERM), or ends it (SIGKILL); it will not be started again. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#stopping = true;
    this.#restartTimer?.cancel();
    this.#process?.kill(signal);
    if (this.#process === null) this.#spec.onChange('Stopped');
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    this.#spec.onChange(ready ? 'Ready' : 'Unready');
  }

  #ended(exit: Exit, startedMs: number): void {
    const { clock, watchdog, backoff } = this.#deps;
    const nowMs = clock.nowMs();
    this.#stopReadiness();
    if (this.pid > 0) watchdog.forget(this.pid);
    this.#process = null;
    this.#ready = false;
    this.#spec.log.flush();
    const ended = {
      exitCode: exit.exitCode,
      ...(exit.signal > 0 ? { signal: exit.signal } : {}),
      reason: exit.exitCode === 0 ? 'Completed' : 'Error',
      startedAt: kubeTime(startedMs),
      finishedAt: kubeTime(nowMs),
    };
    this.#state = { terminated: ended };
    if (this.#stopping || !this.#mayRestart()) {
      this.#spec.onChange('Ended');
      return;
    }
    if (nowMs - startedMs >= RECOVERED_MS) this.#backoffMs = backoff.firstMs;
    const message = `back-off ${this.#backoffMs}ms restarting failed container=${this.#spec.container.name}`;
    this.#lastState = this.#state;
    this.#state = { waiting: { reason: 'CrashLoopBackOff', message } };
    this.#restartTimer = clock.setTimer(() => this.#restart(), this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, backoff.longestMs);
    this.#spec.onChange('BackOff');
  }

  #restart(): void {
    this.#restarts += 1;
    this.#spec.log.beginRun();
    this.start();
  }

  #mayRestart(): boolean {
    const { restartPolicy } = this.#spec;
    if (restartPolicy === 'Never') return false;
    return restartPolicy !== 'OnFailure' || this.#state.terminated?.exitCode !== 0;
  }
}
