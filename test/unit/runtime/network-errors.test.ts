import { describe, expect, it } from 'vitest';
import { errorCodeOf, isOwnFault, networkFaultOf, networkMessageOf } from '../../../server/runtime/network-errors.ts';

it.each([
  ['refused', 'ECONNREFUSED'],
  ['reset', 'ECONNRESET EPIPE ERR_STREAM_PREMATURE_CLOSE'],
  ['timeout', 'ETIMEDOUT'],
  ['dns', 'ENOTFOUND EAI_AGAIN'],
  ['tls', 'EPROTO DEPTH_ZERO_SELF_SIGNED_CERT CERT_HAS_EXPIRED ERR_TLS_CERT_ALTNAME_INVALID'],
  ['malformed', 'HPE_INVALID_CONSTANT'],
  ['unreachable', 'EHOSTUNREACH ENETUNREACH ESOMETHING_NEW '],
])('the fault is %s for %s', (fault, codes) => {
  expect(codes.split(' ').filter((code) => networkFaultOf(code) !== fault)).toEqual([]);
});

it('the code of an error is its code if that is a text, at most 40 characters long', () => {
  expect(errorCodeOf(Object.assign(new Error('no'), { code: 'EPIPE' }))).toBe('EPIPE');
  expect(errorCodeOf({ code: 'x'.repeat(100) })).toHaveLength(40);
  expect([null, undefined, 'text', {}, { code: 7 }].map(errorCodeOf).join('')).toBe('');
});

describe('the message of a network error', () => {
  const eproto = (reason: string) =>
    `write EPROTO 80D2:error:0A000152:SSL routines:final_renegotiate:${reason}:../deps/x.c:1:\n`;

  it.each([
    ['EPROTO', eproto('unsafe legacy renegotiation disabled'), /^TLS: its TLS is too old: it lacks .* \(RFC 5746\)$/],
    ['EPROTO', eproto('wrong version number'), /^TLS: the other side does not speak TLS$/],
    ['EPROTO', eproto('tlsv1 alert protocol version'), /^TLS: no common version of TLS$/],
    ['EPROTO', eproto('something new'), /^TLS: something new$/],
    ['CERT_HAS_EXPIRED', 'certificate has expired', /^TLS: the certificate has expired$/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', /^TLS: the certificate was issued by an unknown/],
    ['ECONNRESET', 'Client network socket disconnected before secure TLS', /^TLS: it closed the connection during/],
    ['EMFILE', 'connect EMFILE', /^this process has too many open files: raise its limit \(ulimit -n\) \(EMFILE\)$/],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', /^connect ECONNREFUSED 127.0.0.1:1$/],
    ['EPIPE', '', /^EPIPE$/],
  ])('%s is told in plain words', (code, message, expected) => {
    expect(networkMessageOf(Object.assign(new Error(message), { code }))).toMatch(expected);
  });
});

it('running out of files or memory is our own fault, a refusal is the peer’s', () => {
  expect(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EADDRNOTAVAIL'].every(isOwnFault)).toBe(true);
  expect(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', ''].some(isOwnFault)).toBe(false);
});
