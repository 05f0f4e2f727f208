import { appendFileSync, renameSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** One line of output. */
export interface LogLine {
  /** When it was read, ms since the epoch. */
  atMs: number;
  text: string;
}

/** The most lines in memory, and the most characters of each: 16 MiB of one container. */
const MAX_LINES = 2000;
const MAX_LINE_CHARS = 8192;
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * The output of a container: the newest MAX_LINES lines in memory for the API, and a file for people, which is renamed to
 * `.1` at MAX_FILE_BYTES.
 */
export class ContainerLog {
  readonly #path: string;
  readonly #nowMs: () => number;
  readonly #followers = new Set<{ line: (line: LogLine) => void; ended: () => void }>();
  #decoder = new StringDecoder('utf8');
  #partial = '';
  #lines: LogLine[] = [];
  #previous: LogLine[] = [];
  #fileBytes = 0;
  #closed = false;

  /** `path` is the file; '' = none. */
  constructor(path: string, nowMs: () => number) {
    this.#path = path;
    this.#nowMs = nowMs;
  }

  append(chunk: Buffer): void {
    const pieces = (this.#partial + this.#decoder.write(chunk)).split('\n');
    this.#partial = (pieces.pop() ?? '').slice(0, MAX_LINE_CHARS);
    for (const text of pieces) this.#add(text.slice(0, MAX_LINE_CHARS));
    this.#writeFile(chunk);
  }

  /** The process has ended. An unfinished line becomes a line. */
  flush(): void {
    if (this.#partial !== '') this.#add(this.#partial);
    this.#partial = '';
    this.#decoder = new StringDecoder('utf8');
  }

  /** A new process starts. The lines so far become those of the previous process. */
  beginRun(): void {
    this.#previous = this.#lines;
    this.#lines = [];
  }

  /** No process will write again. */
  close(): void {
    this.flush();
    this.#closed = true;
    for (const follower of this.#followers) follower.ended();
    this.#followers.clear();
  }

  /** Returns the newest lines of the running process, or with `previous` those of the process before it. */
  lines(previous: boolean): readonly LogLine[] {
    return previous ? this.#previous : this.#lines;
  }

  /** Calls `line` for every new line, and `ended` after the last one. Returns a function that stops it. */
  follow(line: (line: LogLine) => void, ended: () => void): () => void {
    if (this.#closed) {
      ended();
      return () => {};
    }
    const follower = { line, ended };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #add(text: string): void {
    const line = { atMs: this.#nowMs(), text };
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.splice(0, this.#lines.length - MAX_LINES);
    for (const follower of this.#followers) follower.line(line);
  }

  #writeFile(chunk: Buffer): void {
    if (this.#path === '') return;
    try {
      if (this.#fileBytes + chunk.length > MAX_FILE_BYTES) {
        renameSync(this.#path, `${this.#path}.1`);
        this.#fileBytes = 0;
      }
      appendFileSync(this.#path, chunk);
      this.#fileBytes += chunk.length;
    } catch {
      // A full disk or a removed folder must not stop the cluster. The lines are still in memory.
    }
  }
}
