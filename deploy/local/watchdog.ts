import { spawn } from 'node:child_process';

/**
 * Remembers the processes named on its input ("+ PID", "- PID") and, when the input ends, kills those left. The input
 * ends when the cluster's process ends, in whatever way, SIGKILL included. It is a shell script because it has to be
 * there for as long as the cluster is, and a second Node would cost 40 MB.
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

/** Sees to it that no process outlives the cluster. */
export interface Watchdog {
  /** From now on the process (the leader of its own group) dies with us. */
  guard(pid: number): void;
  /** The process has ended; its id may soon be somebody else's. */
  forget(pid: number): void;
  /** Ends the watchdog, and every process still guarded; resolves once that is done. */
  stop(): Promise<void>;
}

/** Starts a watchdog process in a group of its own, out of reach of Ctrl-C. */
export function startWatchdog(): Watchdog {
  const child = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.stdin.on('error', () => {}); // It has gone before us: then there is nobody to tell.
  const tell = (what: '+' | '-', pid: number) => {
    if (child.stdin.writable) child.stdin.write(`${what} ${pid}\n`);
  };
  return {
    guard: (pid) => tell('+', pid),
    forget: (pid) => tell('-', pid),
    stop() {
      child.stdin.end();
      return ended;
    },
  };
}
