/** What is said where a note could not be sent. */
export const NOT_REACHED = 'No server has answered. The text is kept here: write again.';
/** What is said of a token that the servers do not know. */
export const NOT_THE_TOKEN = 'That is not the token of these servers.';

/** What is said of a note that was refused with `status`; `message`: the server's own words, null where it has none. */
export function refusedNote(status: number, message: string | null): string {
  switch (status) {
    case 401:
      return NOT_THE_TOKEN;
    case 403:
      return 'These servers take no notes: WRITE_TOKEN is not set.';
    case 413:
      return 'The note is too long for these servers, or for a proxy in between. Shorten it and write again.';
    case 429:
      return 'Too many notes at once. Wait a second and write again.';
    default:
      return message === null
        ? `The server answered with status ${status}; nothing is written.`
        : `Not written: ${message}`;
  }
}
