import { get } from 'node:http';
import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import type { Container } from '../api/objects.ts';
import { runToxiproxyCli } from '../client/toxiproxy-cli.ts';

/** One attempt: resolves with whether the container at `ip` answers with a good status. */
export type ReadinessCheck = (ip: string, port: number, path: string, timeoutMs: number) => Promise<boolean>;

/** GET over a new connection. As for a real kubelet, 200 to 399 is ready. */
export const httpCheck: ReadinessCheck = (host, port, path, timeoutMs) =>
  new Promise((resolve) => {
    // Node throws for a path with a blank. A kubelet escapes it.
    const escaped = path.replace(/[^!-~]/g, encodeURIComponent);
    const request = get({ host, port, path: escaped, agent: false, timeout: timeoutMs }, (response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      resolve(status >= 200 && status < 400);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });

/** Until its first success a container is probed more often than its period says, because a user waits for it. */
const EAGER_PERIOD_MS = 250;

/**
 * Probes a container and calls `onChange` when its readiness changes. A container without an HTTP readiness probe is
 * ready at once. Until the first success it is probed every EAGER_PERIOD_MS, after that every `periodSeconds`.
 * `failureThreshold` failures in a row make it not ready. Returns a function that stops probing.
 */
export function watchReadiness(
  { readinessProbe, ports }: Container,
  ip: string,
  onChange: (ready: boolean) => void,
  { clock, check }: { clock: Clock; check: ReadinessCheck },
): () => void {
  const { httpGet, periodSeconds, timeoutSeconds, failureThreshold } = readinessProbe ?? {};
  const port =
    typeof httpGet?.port === 'string' ? ports?.find(({ name }) => name === httpGet.port)?.containerPort : httpGet?.port;
  if (!httpGet || port === undefined) {
    onChange(true);
    return () => {};
  }
  // A field that is 0 has its default, as in Kubernetes.
  const periodMs = (periodSeconds || 10) * 1000;
  const timeoutMs = (timeoutSeconds || 1) * 1000;
  let timer: Timer | undefined;
  let isStopped = false;
  let isReady = false;
  let hasBeenReady = false;
  let failures = 0;
  const attempt = async () => {
    const isGood = await check(ip, port, httpGet.path ?? '/', timeoutMs);
    if (isStopped) return;
    failures = isGood ? 0 : failures + 1;
    if (isGood !== isReady && (isGood || failures >= (failureThreshold || 3))) {
      isReady = isGood;
      onChange(isReady);
    }
    hasBeenReady ||= isGood;
    schedule(hasBeenReady ? periodMs : EAGER_PERIOD_MS);
  };
  const schedule = (delayMs: number) => {
    timer = clock.setTimer(() => void attempt(), delayMs);
  };
  schedule(EAGER_PERIOD_MS);
  return () => {
    isStopped = true;
    timer?.cancel();
  };
}

/** How long after a failed command of a startup probe it is tried again. */
const STARTUP_RETRY_MS = 250;
/** Default port of Toxiproxy's API. */
const API_PORT = 8474;

/**
 * Runs a container's startup probe, then calls `begin`, which returns a function that stops what it began. Of the
 * commands of a startup probe only calls of `toxiproxy-cli` are supported, which PowerfulSeal uses to configure its
 * proxies. They run against the API at the pod's address until all have succeeded. Returns a function that stops
 * everything.
 */
export function afterStartup(container: Container, ip: string, clock: Clock, begin: () => () => void): () => void {
  const commands = startupCommands(container);
  let isStopped = false;
  let timer: Timer | undefined;
  let stopBegun = () => {};
  const attempt = async () => {
    try {
      // A retry begins at the failed command, because repeating a successful one (create) would fail.
      for (let next = commands[0]; next; next = commands[0]) {
        await runToxiproxyCli(next, `http://${ip}:${API_PORT}`);
        commands.shift();
      }
    } catch {
      if (!isStopped) timer = clock.setTimer(() => void attempt(), STARTUP_RETRY_MS);
      return;
    }
    if (!isStopped) stopBegun = begin();
  };
  void attempt();
  return () => {
    isStopped = true;
    timer?.cancel();
    stopBegun();
  };
}

/** Returns the argument lists of the `toxiproxy-cli` calls in a startup probe's shell command. */
function startupCommands({ startupProbe }: Container): string[][] {
  const script = (startupProbe?.exec?.command ?? []).join(' ');
  return [...script.matchAll(/toxiproxy-cli\s+([^&;]+)/g)].map(([, args = '']) => args.trim().split(/\s+/));
}
