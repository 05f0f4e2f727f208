import type { ServerResponse } from 'node:http';
import { sendStatus } from './kube-faults.ts';
import { type KubeObject, matches } from './kube-objects.ts';

interface Watcher {
  response: ServerResponse;
  namespace: string;
  selector: string;
}

/** What has happened to the pods of a stub, by version, and those who watch it. */
export class KubeHistory {
  /** The version of the newest change. */
  version = 100;
  /** The oldest version that can still be watched from. */
  oldest = 100;
  /** While true, watches hear nothing. */
  mute = false;
  readonly #bookmarkMs: number;
  readonly #log: { version: number; type: string; object: KubeObject }[] = [];
  readonly #watchers = new Set<Watcher>();

  constructor(bookmarkMs: number) {
    this.#bookmarkMs = bookmarkMs;
  }

  get watchCount(): number {
    return this.#watchers.size;
  }

  /** Gives `object` a new version and tells the watches. `type`: ADDED, MODIFIED, DELETED. */
  publish(type: string, object: KubeObject): void {
    this.version += 1;
    object.metadata['resourceVersion'] = String(this.version);
    const entry = { version: this.version, type, object: structuredClone(object) };
    this.#log.push(entry);
    for (const watcher of this.#watchers) this.#send(watcher, entry);
  }

  /** Answers a watch: what has happened since its version, then what happens. */
  watch(response: ServerResponse, query: URLSearchParams, namespace: string): void {
    const from = Number(query.get('resourceVersion') ?? 0);
    if (from < this.oldest) {
      sendStatus(response, 410);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    const watcher = { response, namespace, selector: query.get('labelSelector') ?? '' };
    this.#watchers.add(watcher);
    const lifetimeMs = (Number(query.get('timeoutSeconds')) || 300) * 1000;
    const end = setTimeout(() => response.end(), lifetimeMs);
    const wantsBookmarks = query.get('allowWatchBookmarks') === 'true';
    const bookmarks = wantsBookmarks ? setInterval(() => this.#bookmark(watcher), this.#bookmarkMs) : undefined;
    response.on('close', () => {
      clearTimeout(end);
      clearInterval(bookmarks);
      this.#watchers.delete(watcher);
    });
    for (const entry of this.#log) if (entry.version > from) this.#send(watcher, entry);
  }

  bookmark(): void {
    for (const watcher of this.#watchers) this.#bookmark(watcher);
  }

  sendLine(line: string): void {
    for (const { response } of this.#watchers) response.write(`${line}\n`);
  }

  endWatches(lastWords = ''): void {
    for (const { response } of this.#watchers) response.end(lastWords);
    this.#watchers.clear();
  }

  compact(): void {
    this.version += 1;
    this.oldest = this.version;
    this.#log.length = 0;
  }

  #bookmark({ response }: Watcher): void {
    const object = { kind: 'Pod', metadata: { resourceVersion: String(this.version) } };
    if (!this.mute && !response.writableEnded) response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  #send(watcher: Watcher, { type, object }: { type: string; object: KubeObject }): void {
    if (this.mute || !matches(object, watcher.selector, watcher.namespace)) return;
    watcher.response.write(`${JSON.stringify({ type, object })}\n`);
  }
}
