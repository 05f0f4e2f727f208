/** One line that a container wrote. */
export interface LogLine {
  /** When it was read, ms since the epoch. */
  atMs: number;
  text: string;
}

/** The bounded log of one container, as the API serves it. */
export interface ContainerLog {
  /** The newest lines of the running process, or with `previous` of the one before it. */
  lines(previous: boolean): readonly LogLine[];
  /**
   * Calls `listener` for every new line, and `ended` when there will be none any more; gives a function that stops it.
   */
  follow(listener: (line: LogLine) => void, ended: () => void): () => void;
}

/** Where the API finds logs: the kubelet. */
export interface LogSource {
  /** The log of a container of a pod that runs here; undefined if there is none (yet). */
  logOf(podUid: string, container: string): ContainerLog | undefined;
}
