import { AnnotationStore, sealOf } from '../../../server/events/annotations.ts';
import type { AnnotationCopy } from '../../../server/protocol/annotation.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export const TOKEN = 'sixteen-characters';

/** A copy of write `revision` of annotation `id`: begun a minute ago, written when it is given. */
export function copyOf(id: string, revision: string, change: Partial<AnnotationCopy> = {}): AnnotationCopy {
  const times = { fromAgeMs: 60_000, toAgeMs: null, writtenAgeMs: 0 };
  const sealed = {
    generation: 1,
    wroteMs: new FakeClock().nowMs(),
    text: `${id} ${revision}`,
    tags: [],
    deleted: false,
  };
  const write = { id, revision, ...times, ...sealed, ...change };
  return { ...write, seal: change.seal ?? sealOf(write, TOKEN) };
}

export function start(startMs?: number, token = TOKEN) {
  const clock = new FakeClock(startMs);
  const told: string[] = [];
  const silent = () => {};
  const log = { debug: (_: object, words: string) => void told.push(words), info: silent, warn: silent, error: silent };
  const book = new AnnotationStore({ clock, log, token });
  return { clock, book, told };
}
