/** What is said where a note could not be sent. */
export const NO_SERVER_ANSWERED = 'No server answered. Your text is kept: save again.';
/** What is said of a token that the servers do not know. */
export const WRONG_TOKEN = 'Wrong write token.';

/** What is said of a note that was refused with `status`; `message`: the server's own words, null where it has none. */
export function rejectionText(status: number, message: string | null): string {
  switch (status) {
    case 401:
      return WRONG_TOKEN;
    case 403:
      return 'Annotations are disabled: WRITE_TOKEN is not set on the servers.';
    case 413:
      return 'The text is too long for the server or for a proxy. Shorten it and save again.';
    case 429:
      return 'Too many annotations at once. Wait a second and save again.';
    default:
      return message === null ? `Not saved: the server answered with status ${status}.` : `Not saved: ${message}`;
  }
}
