import { describe, expect, test } from 'vitest';
import { ApiError, asApiError, faultOfStatus } from '../../../server/discovery/status.ts';

const coded = (code: string, message = 'words') => Object.assign(new Error(message), { code });

describe('the class of a failure', () => {
  test.each([
    ['ECONNREFUSED', 'refused'],
    ['ECONNRESET', 'reset'],
    ['EPIPE', 'reset'],
    ['ETIMEDOUT', 'timeout'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['EPROTO', 'tls'],
    ['HPE_INVALID_CONSTANT', 'malformed'],
    ['ESOMETHING_NEW', 'unreachable'],
  ])('%s is %s', (code, fault) => expect(asApiError(coded(code)).fault).toBe(fault));

  test.each([
    [302, 'malformed'],
    [400, 'config'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [410, 'server-error'],
    [422, 'config'],
    [429, 'server-error'],
    [500, 'server-error'],
  ] as const)('status %s is %s', (status, fault) => expect(faultOfStatus(status)).toBe(fault));

  test('of an abort is that of its reason', () => {
    const reason = new ApiError('timeout', 'late');
    expect(asApiError(new Error('aborted', { cause: reason }))).toBe(reason);
  });

  test('of anything else is malformed, unless told otherwise', () => {
    expect(asApiError('text')).toMatchObject({ fault: 'malformed', message: 'text' });
    expect(asApiError(new Error('proxy'), 'unreachable').fault).toBe('unreachable');
  });
});

describe('the message of a failure', () => {
  test('is one bounded line', () => {
    expect(new ApiError('config', `a\nb\u0000${'x'.repeat(1_000)}`).message).toMatch(/^a b x{296}$/);
  });

  test('is the code where there are no words, as when all of several addresses failed', () => {
    expect(asApiError(coded('ECONNREFUSED', '')).message).toBe('ECONNREFUSED');
  });
});
