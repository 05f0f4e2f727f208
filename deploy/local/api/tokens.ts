import { serviceAccountUser, type User } from './rbac.ts';

/** The bearer tokens that the API knows. */
export class Tokens {
  readonly #users = new Map<string, User>();
  readonly #accounts = new Map<string, string>();
  readonly #newToken: () => string;

  /** `newToken` gives a text that cannot be guessed. */
  constructor(newToken: () => string) {
    this.#newToken = newToken;
  }

  /** A new token for a user. */
  issue(user: User): string {
    const token = this.#newToken();
    this.#users.set(token, user);
    return token;
  }

  /** The token of a service account, issued when it is first asked for. */
  forServiceAccount(namespace: string, name: string): string {
    const key = `${namespace}/${name}`;
    const token = this.#accounts.get(key) ?? this.issue(serviceAccountUser(namespace, name));
    this.#accounts.set(key, token);
    return token;
  }

  /** Who an Authorization header stands for; undefined if nobody. */
  userOf(authorization: string | undefined): User | undefined {
    const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '');
    return bearer?.[1] === undefined ? undefined : this.#users.get(bearer[1]);
  }
}
