import { textOf } from './errors.ts';

/** What a network error means to the caller. Probes, calls to peers and calls to the Kubernetes API all use this one table. */
export type NetworkFault = 'refused' | 'reset' | 'timeout' | 'unreachable' | 'dns' | 'tls' | 'malformed';

/** Error codes of Linux (errno names) and of Node. The families `EAI_` and `HPE_` are handled in `networkFaultOf`. */
const FAULT_OF_CODE: Record<string, NetworkFault> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ERR_STREAM_PREMATURE_CLOSE: 'reset',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EPROTO: 'tls',
  HOSTNAME_MISMATCH: 'tls',
};

/** OpenSSL's names for what is wrong with a certificate, and Node's own for TLS. */
const TLS_CODE = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|CRL_)/;

/** Codes that say what our own process or machine has run out of. */
const OWN_FAULTS: Record<string, string> = {
  EMFILE: 'this process has too many open files: raise its limit (ulimit -n)',
  ENFILE: 'this machine has too many open files',
  ENOBUFS: 'this machine has no buffers left for the network',
  ENOMEM: 'this machine has no memory left',
  EAGAIN: 'this machine has no ports left for connections',
  EADDRNOTAVAIL: 'this machine has no free port left for this connection, or no address of its IP family',
};

/** What is wrong in a TLS handshake, in plain words: by Node's code, or by the reason that OpenSSL gives. */
const TLS_FAULTS: [pattern: RegExp, text: string][] = [
  [/^CERT_HAS_EXPIRED$/, 'the certificate has expired'],
  [/^CERT_NOT_YET_VALID$/, 'the certificate is not valid yet'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$|^HOSTNAME_MISMATCH$/, 'the certificate is for another name'],
  [/^(DEPTH_ZERO_)?SELF_SIGNED|^UNABLE_TO_/, 'the certificate was issued by an unknown authority'],
  [/wrong version number|packet length too long|http request/i, 'the other side does not speak TLS'],
  [/unsafe legacy renegotiation/i, 'its TLS is too old: it lacks secure renegotiation (RFC 5746)'],
  [/protocol version|unsupported protocol|no protocols/i, 'no common version of TLS'],
  [/certificate required|bad certificate|unknown ca/i, 'it does not accept our client certificate'],
  [/handshake failure|no shared cipher|key too small|dh key/i, 'no common cipher, or it wants a client certificate'],
  [/disconnected before secure TLS/i, 'it closed the connection during the TLS handshake'],
];

/** The code of an error from a socket, a TLS handshake or Node's HTTP parser, e.g. `ECONNREFUSED`; '' if it has none. */
export function errorCodeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code.slice(0, 40) : '';
}

/**
 * The class of a network error by its code (see `errorCodeOf`). Every `EAI_` code (getaddrinfo) is `dns`, every `HPE_`
 * code (Node's HTTP parser) is `malformed`. Any other code, and '', is `unreachable`: what remains are ways of having no
 * route, such as EHOSTUNREACH and ENETDOWN, and our own faults (`isOwnFault`).
 */
export function networkFaultOf(code: string): NetworkFault {
  if (code.startsWith('EAI_')) return 'dns';
  if (code.startsWith('HPE_')) return 'malformed';
  return FAULT_OF_CODE[code] ?? (TLS_CODE.test(code) ? 'tls' : 'unreachable');
}

/** Whether an error code tells that our own process lacks something, so that it says nothing about the peer. */
export function isOwnFault(code: string): boolean {
  return code in OWN_FAULTS;
}

/** The message of a network error in plain words, for our own faults and for TLS; else the system's. At most 300 characters. */
export function networkMessageOf(error: unknown): string {
  const code = errorCodeOf(error);
  const own = OWN_FAULTS[code];
  if (own !== undefined) return `${own} (${code})`;
  const message = error instanceof Error && error.message === '' && code !== '' ? code : textOf(error);
  // E.g. `write EPROTO 8032...:error:0A000152:SSL routines:final_renegotiate:unsafe legacy renegotiation disabled:...`.
  const reason = /SSL routines:[^:]*:([^:]+)/.exec(message)?.[1] ?? (error as { reason?: unknown } | null)?.reason;
  const known = TLS_FAULTS.find(([pattern]) => [code, String(reason), message].some((text) => pattern.test(text)));
  if (known !== undefined) return `TLS: ${known[1]}`;
  if (networkFaultOf(code) !== 'tls') return message;
  return `TLS: ${textOf(reason ?? message, 100)}`;
}
