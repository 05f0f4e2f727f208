/** Shown if an annotation could not be sent. */
export const NO_SERVER_ANSWERED = 'No server answered. Your text is kept: save again.';
/** Shown if the servers reject the token. */
export const WRONG_TOKEN = 'Wrong write token.';

/** The text for an annotation that was rejected with HTTP `status`. `message`: the server's message; null = none. */
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
