import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import { type Container, type ContainerState, type ContainerStatus, kubeTime } from '../api/objects.ts';
import type { Watchdog } from '../watchdog.ts';
import type { ContainerLog } from './container-log.ts';
import { type Command, KNOWN_IMAGES } from './images.ts';
import { afterStartup, type ReadinessCheck, watchReadiness } from './readiness.ts';

/** What all containers share. */
export interface RunnerDeps {
  clock: Clock;
  watchdog: Watchdog;
  check: ReadinessCheck;
  /** Wait before restarts: the first one, doubled each time up to the longest. */
  backoff: { firstMs: number; longestMs: number };
}

interface RunnerSpec {
  container: Container;
  /** null = this machine has no such image. */
  command: Command | null;
  /** The image that is missing then. */
  missingImage: string;
  ip: string;
  restartPolicy: string;
  log: ContainerLog;
  /** Called after each change of `status`. */
  onChange: () => void;
  /** Called with what `kubectl describe` shows of the container. */
  onEvent: (reason: string, message: string, type?: 'Normal' | 'Warning') => void;
}

/** After a process has run this long, its next restart waits the shortest time again. */
const RECOVERED_MS = 60_000;

/** Runs one container: starts it, probes its readiness, restarts it with back-off, stops it. */
export class ContainerRunner {
  readonly #deps: RunnerDeps;
  readonly #spec: RunnerSpec;
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  #lastState: ContainerState = {};
  #restartCount = 0;
  #backoffMs: number;
  #isReady = false;
  #isStopping = false;
  #process: ChildProcess | null = null;
  #restartTimer: Timer | undefined;
  #stopReadiness = () => {};

  constructor(deps: RunnerDeps, spec: RunnerSpec) {
    this.#deps = deps;
    this.#spec = spec;
    this.#backoffMs = deps.backoff.firstMs;
  }

  /** The id of the process; 0 while there is none. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Whether the container will never run again. */
  get finished(): boolean {
    const hasEnded = this.#state.terminated !== undefined && !this.#mayRestart();
    return this.#process === null && (this.#isStopping || hasEnded);
  }

  /** The container's entry in `status.containerStatuses` of its pod. */
  get status(): ContainerStatus {
    const { container, command, ip } = this.#spec;
    return {
      name: container.name,
      image: container.image,
      imageID: command === null ? '' : `local://${container.image}`,
      ...(this.pid > 0 && { containerID: `process://${ip}/${this.pid}` }),
      ready: this.#isReady,
      started: this.#state.running !== undefined,
      restartCount: this.#restartCount,
      state: this.#state,
      lastState: this.#lastState,
    };
  }

  /** Starts the process. Without an image the container waits with the reason ImagePullBackOff. */
  start(): void {
    const { command, container, log, ip, onChange, onEvent, missingImage } = this.#spec;
    const { clock, check, watchdog } = this.#deps;
    if (command === null) {
      const message = `Back-off pulling image "${missingImage}": this machine runs no images, only ${KNOWN_IMAGES}`;
      this.#state = { waiting: { reason: 'ImagePullBackOff', message } };
      onEvent('Failed', `No image for container ${container.name} on this machine`);
      onChange();
      return;
    }
    const startedMs = clock.nowMs();
    const onExit = (exitCode: number, signal: number) => this.#handleExit(exitCode, signal, startedMs);
    this.#process = startProcess(command, (line) => log.add(line), onExit);
    if (this.pid > 0) watchdog.guard(this.pid);
    this.#state = { running: { startedAt: kubeTime(startedMs) } };
    this.#stopReadiness = afterStartup(container, ip, clock, () =>
      watchReadiness(container, ip, (ready) => this.#setReady(ready), { clock, check }),
    );
    onEvent('Started', `Started container ${container.name}`, 'Normal');
    onChange();
  }

  /** Sends a signal to the process, which will not be started again. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#isStopping = true;
    this.#restartTimer?.cancel();
    if (this.#process) killGroup(this.#process, signal);
    else this.#spec.onChange();
  }

  #setReady(ready: boolean): void {
    if (this.#isReady === ready) return;
    this.#isReady = ready;
    if (!ready) this.#spec.onEvent('Unhealthy', `Readiness probe of container ${this.#spec.container.name} failed`);
    this.#spec.onChange();
  }

  #handleExit(exitCode: number, signal: number, startedMs: number): void {
    const { clock, watchdog, backoff } = this.#deps;
    const { log, onChange, onEvent, container } = this.#spec;
    const nowMs = clock.nowMs();
    this.#stopReadiness();
    if (this.pid > 0) watchdog.forget(this.pid);
    this.#process = null;
    this.#isReady = false;
    this.#state = {
      terminated: {
        exitCode,
        ...(signal > 0 && { signal }),
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt: kubeTime(startedMs),
        finishedAt: kubeTime(nowMs),
      },
    };
    if (this.#isStopping || !this.#mayRestart()) {
      onChange();
      return;
    }
    if (nowMs - startedMs >= RECOVERED_MS) this.#backoffMs = backoff.firstMs;
    const message = `back-off ${this.#backoffMs}ms restarting failed container=${container.name}`;
    this.#lastState = this.#state;
    this.#state = { waiting: { reason: 'CrashLoopBackOff', message } };
    this.#restartTimer = clock.setTimer(() => {
      this.#restartCount += 1;
      log.beginRun();
      this.start();
    }, this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, backoff.longestMs);
    onEvent('BackOff', `Back-off restarting failed container ${container.name}`);
    onChange();
  }

  #mayRestart(): boolean {
    const { restartPolicy } = this.#spec;
    if (restartPolicy === 'Never') return false;
    return restartPolicy !== 'OnFailure' || this.#state.terminated?.exitCode !== 0;
  }
}

/**
 * Starts a process in its own group, so that Ctrl-C in the terminal reaches only the cluster. `onExit` is called once after all
 * output: with exit code 128 if the process could not be started, as container runtimes do, and with the number of the signal
 * that has ended it, 0 = none.
 */
function startProcess(
  { file, args, env }: Command,
  onLine: (line: string) => void,
  onExit: (exitCode: number, signal: number) => void,
): ChildProcess {
  const child = spawn(file, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine);
  child.on('error', (error) => {
    if (child.pid !== undefined) return;
    onLine(`cannot start: ${textOf(error)}`);
    onExit(128, 0);
  });
  child.on('close', (code, signal) => {
    const number = signal === null ? 0 : constants.signals[signal];
    if (child.pid !== undefined) onExit(code ?? 128 + number, number);
  });
  return child;
}

/** Sends a signal to a process and to what it has started, unless it has ended. */
function killGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}
