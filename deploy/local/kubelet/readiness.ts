import { get } from 'node:http';
import type { Clock } from '../../../server/runtime/clock.ts';
import { pause } from '../../../server/runtime/deadline.ts';
import type { Container } from '../api/objects.ts';
import { runToxiproxyCli } from '../client/toxiproxy-cli.ts';

/** One attempt: resolves with whether the container at `ip` answers with a good status. */
export type ReadinessCheck = (ip: string, port: number, path: string, timeoutMs: number) => Promise<boolean>;

/** GET over a new connection. As for a real kubelet, 200 to 399 is ready. */
export const httpCheck: ReadinessCheck = (host, port, path, timeoutMs) =>
  new Promise((resolve) => {
    // As by a kubelet, a missing slash is added, and blanks and the like are escaped. Node would throw for them.
    const { pathname, search } = new URL(`http://x/${path.replace(/^\//, '')}`);
    const options = { host, port, path: pathname + search, agent: false, timeout: timeoutMs };
    const request = get(options, (response) => {
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
 * Probes a container until `ended` is aborted, and calls `onChange` when its readiness changes; at first it is not ready. A container
 * without an HTTP readiness probe is ready at once. Until the first success it is probed every EAGER_PERIOD_MS, after that every
 * `periodSeconds`. `failureThreshold` failures in a row make it not ready.
 */
export async function watchReadiness(
  { readinessProbe, ports }: Container,
  ip: string,
  onChange: (ready: boolean) => void,
  { clock, check }: { clock: Clock; check: ReadinessCheck },
  ended: AbortSignal,
): Promise<void> {
  const { httpGet, periodSeconds, timeoutSeconds, failureThreshold } = readinessProbe ?? {};
  const port =
    typeof httpGet?.port === 'string' ? ports?.find(({ name }) => name === httpGet.port)?.containerPort : httpGet?.port;
  if (!httpGet) onChange(true);
  // As in Kubernetes, a container whose probe names a port that it does not have is never ready.
  if (!httpGet || port === undefined) return;
  // A field that is 0 has its default, as in Kubernetes.
  const periodMs = (periodSeconds || 10) * 1000;
  const timeoutMs = (timeoutSeconds || 1) * 1000;
  let isReady = false;
  let hasBeenReady = false;
  let failures = 0;
  for (;;) {
    await pause(clock, hasBeenReady ? periodMs : EAGER_PERIOD_MS, ended);
    if (ended.aborted) return;
    const isGood = await check(ip, port, httpGet.path ?? '/', timeoutMs);
    if (ended.aborted) return;
    hasBeenReady ||= isGood;
    failures = isGood ? 0 : failures + 1;
    if (isGood !== isReady && (isGood || failures >= (failureThreshold || 3))) {
      isReady = isGood;
      onChange(isReady);
    }
  }
}

/** How long after a failed command of a startup probe it is tried again. */
const STARTUP_RETRY_MS = 250;
/** Default port of Toxiproxy's API. */
const API_PORT = 8474;

/**
 * Runs a container's startup probe (liveness probes are not run): resolves when it has succeeded, or when `ended` is aborted. Of the
 * commands of a startup probe only calls of `toxiproxy-cli` are supported, which PowerfulSeal uses to configure its proxies. They run
 * against the API at the pod's address. A failed one is repeated, not the ones before it, because a second `create` would fail.
 */
export async function runStartupProbe(
  container: Container,
  ip: string,
  clock: Clock,
  ended: AbortSignal,
): Promise<void> {
  for (const command of startupCommands(container)) {
    const succeeds = () =>
      runToxiproxyCli(command, `http://${ip}:${API_PORT}`).then(
        () => true,
        () => false,
      );
    while (!ended.aborted && !(await succeeds())) await pause(clock, STARTUP_RETRY_MS, ended);
  }
}

/** Returns the argument lists of the `toxiproxy-cli` calls in a startup probe's shell command. */
function startupCommands({ startupProbe }: Container): string[][] {
  const script = (startupProbe?.exec?.command ?? []).join(' ');
  return [...script.matchAll(/toxiproxy-cli\s+([^&;]+)/g)].map(([, args = '']) => args.trim().split(/\s+/));
}
