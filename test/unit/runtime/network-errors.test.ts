import { describe, expect, it } from 'vitest';
import { errorCodeOf, isOwnFault, networkFaultOf } from '../../../server/runtime/network-errors.ts';

describe('the fault of a network error', () => {
  it.each([
    ['ECONNREFUSED', 'refused'],
    ['ECONNRESET', 'reset'],
    ['ECONNABORTED', 'reset'],
    ['EPIPE', 'reset'],
    ['ETIMEDOUT', 'timeout'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['EAI_FAIL', 'dns'],
    ['EAI_NODATA', 'dns'],
    ['EAI_NONAME', 'dns'],
    ['ERR_STREAM_PREMATURE_CLOSE', 'reset'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['EPROTO', 'tls'],
    ['HPE_INVALID_CONSTANT', 'malformed'],
    ['ESOMETHING_NEW', 'unreachable'],
    ['', 'unreachable'],
  ])('%s is %s', (code, fault) => expect(networkFaultOf(code)).toBe(fault));
});

describe('the code of an error', () => {
  it('is its code if that is a text, at most 40 characters long', () => {
    expect(errorCodeOf(Object.assign(new Error('no'), { code: 'EPIPE' }))).toBe('EPIPE');
    expect(errorCodeOf({ code: 'x'.repeat(100) })).toHaveLength(40);
  });

  it.each([null, undefined, 'text', {}, { code: 7 }])('is empty for %j', (error) => {
    expect(errorCodeOf(error)).toBe('');
  });
});

it('running out of files or memory is our own fault, a refusal is the peer’s', () => {
  expect(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ECONNREFUSED', ''].map(isOwnFault)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
});
