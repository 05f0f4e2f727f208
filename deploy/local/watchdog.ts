import { spawn } from 'node:child_process';

/**
 * Reads process ids from its input ("+ PID" adds one, "- PID" removes one), and kills the remaining ones when the input
 * ends. The input ends whenever the cluster's process ends, also by SIGKILL. A shell script runs as long as the cluster
 * and needs much less memory than a second Node process (40 MB).
 */
const SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r what pid; do
  case $what in
    +) pids="$pids$pid " ;;
    -) case $pids in *" $pid "*) pids="\${pids%%" $pid "*} \${pids#*" $pid "}" ;; esac ;;
  esac
done
for pid in $pids; do kill -9 "-$pid" 2>/dev/null || kill -9 "$pid" 2>/dev/null; done
`;

/** Kills the processes that outlive the cluster. */
export type Watchdog = ReturnType<typeof startWatchdog>;

/** Starts a watchdog process in its own group, which Ctrl-C does not reach. */
export function startWatchdog() {
  const child = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.stdin.on('error', () => {}); // The watchdog has ended first. Nothing can be done about it.
  const send = (what: '+' | '-', pid: number) => {
    if (child.stdin.writable) child.stdin.write(`${what} ${pid}\n`);
  };
  return {
    /** Adds a process, which must be the leader of its own group. */
    guard: (pid: number) => send('+', pid),
    /** Removes a process that has ended, because its id may be reused. */
    forget: (pid: number) => send('-', pid),
    /** Sends SIGKILL to every process that is still guarded, without waiting for their end, and ends the watchdog. */
    stop() {
      child.stdin.end();
      return ended;
    },
  };
}
