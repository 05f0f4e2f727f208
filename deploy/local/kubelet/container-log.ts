import { appendFileSync, renameSync } from 'node:fs';

/** One line of output. */
export interface LogLine {
  /** When it was read, ms since the epoch. */
  atMs: number;
  text: string;
}

/** The most lines of a run in memory, and the most characters of each: 16 MiB of the present run, and 16 of the one before it. */
const MAX_LINES = 2000;
const MAX_LINE_CHARS = 8192;
const MAX_FILE_CHARS = 1024 * 1024;

/**
 * The output of a container: the newest MAX_LINES lines in memory for the API, and a file for people, which is renamed to
 * `.1` at MAX_FILE_CHARS.
 */
export class ContainerLog {
  readonly #path: string;
  readonly #nowMs: () => number;
  readonly #followers = new Set<{ line: (line: LogLine) => void; ended: () => void }>();
  #lines: LogLine[] = [];
  #previous: LogLine[] = [];
  #fileChars = 0;

  /** `path` is the file; '' = none. */
  constructor(path: string, nowMs: () => number) {
    this.#path = path;
    this.#nowMs = nowMs;
  }

  /** Adds a line of the running process. */
  add(text: string): void {
    const line = { atMs: this.#nowMs(), text: text.slice(0, MAX_LINE_CHARS) };
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    for (const follower of this.#followers) follower.line(line);
    if (this.#path !== '') this.#writeFile(`${line.text}\n`);
  }

  /** A new process starts. The lines so far become those of the previous process. Followers go on. */
  beginRun(): void {
    this.#previous = this.#lines;
    this.#lines = [];
  }

  /** No process will write again. */
  close(): void {
    for (const follower of this.#followers) follower.ended();
    this.#followers.clear();
  }

  /** Returns the newest lines of the latest process, or with `previous` those of the process before it. */
  lines(previous: boolean): readonly LogLine[] {
    return previous ? this.#previous : this.#lines;
  }

  /** Calls `line` for every new line, and `ended` at `close`. Returns a function that stops it. */
  follow(line: (line: LogLine) => void, ended: () => void): () => void {
    const follower = { line, ended };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #writeFile(text: string): void {
    try {
      if (this.#fileChars + text.length > MAX_FILE_CHARS) {
        renameSync(this.#path, `${this.#path}.1`);
        this.#fileChars = 0;
      }
      appendFileSync(this.#path, text);
      this.#fileChars += text.length;
    } catch {
      // A full disk or a removed folder must not stop the cluster. The lines are still in memory.
    }
  }
}
