import type { Clock, Timer } from '../../../server/contract/seams.ts';
import type { Container } from '../api/objects.ts';
import { runToxiproxyCli } from '../client/toxiproxy-cli.ts';

const RETRY_MS = 250;
/** Toxiproxy's API where a container does not say otherwise. */
const API_PORT = 8474;

/**
 * Carries out a container's startup probe and then calls `begin`; gives a function that stops both. Of what such a probe
 * may execute only calls of `toxiproxy-cli` mean something here (PowerfulSeal sets its proxies up in this way): they
 * are made until all have succeeded, against the API at the pod's address.
 */
export function afterStartup(container: Container, ip: string, clock: Clock, begin: () => () => void): () => void {
  const commands = cliCommands(container);
  if (commands.length === 0) return begin();
  let stopped = false;
  let timer: Timer | undefined;
  let stopNext = () => {};
  const attempt = async () => {
    try {
      // From where the last attempt failed: what has been created would be refused now.
      for (let next = commands[0]; next; next = commands[0]) {
        await runToxiproxyCli(next, `http://${ip}:${API_PORT}`);
        commands.shift();
      }
    } catch {
      if (!stopped) timer = clock.setTimer(() => void attempt(), RETRY_MS);
      return;
    }
    if (!stopped) stopNext = begin();
  };
  void attempt();
  return () => {
    stopped = true;
    timer?.cancel();
    stopNext();
  };
}

/** The calls of `toxiproxy-cli` in a startup probe's shell command, as lists of arguments. */
function cliCommands({ startupProbe }: Container): string[][] {
  const script = (startupProbe?.exec?.command ?? []).join(' ');
  return script
    .split(/&&|;/)
    .map((command) => command.trim().split(/\s+/))
    .map((words) => words.slice(words.findIndex((word) => word.endsWith('toxiproxy-cli')) + 1 || words.length))
    .filter((words) => words.length > 0);
}
