import { expect, test } from 'vitest';
import { refusedNote } from '../../../web/pure/note-words.ts';

test.each([
  [401, null, 'That is not the token of these servers.'],
  [403, 'writing is off', 'These servers take no notes: WRITE_TOKEN is not set.'],
  [413, null, 'The note is too long for these servers, or for a proxy in between. Shorten it and write again.'],
  [429, 'too many writes: at most 10 a second', 'Too many notes at once. Wait a second and write again.'],
  [409, 'no room for it', 'Not written: no room for it'],
  [502, null, 'The server answered with status 502; nothing is written.'],
])('a note refused with %i (%j) is told as: %s', (status, message, words) => {
  expect(refusedNote(status, message)).toBe(words);
});
