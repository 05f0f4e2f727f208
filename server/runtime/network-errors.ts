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

/** Codes that say what our own process or machine has run out of: files, buffers, memory. */
const OWN_FAULTS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** The code of an error from a socket, a TLS handshake or Node's HTTP parser, e.g. `ECONNREFUSED`; '' if it has none. */
export function errorCodeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code.slice(0, 40) : '';
}

/**
 * The class of a network error by its code (see `errorCodeOf`). Every `EAI_` code (getaddrinfo) is `dns`, every `HPE_`
 * code (Node's HTTP parser) is `malformed`. Any other code, and '', is `unreachable`: what remains are ways of having no
 * route, such as EHOSTUNREACH, ENETDOWN and EADDRNOTAVAIL.
 */
export function networkFaultOf(code: string): NetworkFault {
  if (code.startsWith('EAI_')) return 'dns';
  if (code.startsWith('HPE_')) return 'malformed';
  return FAULT_OF_CODE[code] ?? (TLS_CODE.test(code) ? 'tls' : 'unreachable');
}

/** Whether an error code tells that our own process lacks something, so that it says nothing about the peer. */
export function isOwnFault(code: string): boolean {
  return OWN_FAULTS.has(code);
}
