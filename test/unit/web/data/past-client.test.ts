import { expect, test } from 'vitest';
import { rejectionText } from '../../../../web/data/past-client.ts';

test.each([
  [401, null, 'Wrong write token.'],
  [403, 'writing is off', 'Annotations are disabled: WRITE_TOKEN is not set on the servers.'],
  [413, null, 'The text is too long for the server or for a proxy. Shorten it and save again.'],
  [429, 'too many writes: at most 10 a second', 'Too many annotations at once. Wait a second and save again.'],
  [409, 'no room for it', 'Not saved: no room for it'],
  [502, null, 'Not saved: the server answered with status 502.'],
])('an annotation that is rejected with %i (%j) gives the message: %s', (status, message, words) => {
  expect(rejectionText(status, message)).toBe(words);
});
