import { describe, expect, test } from 'vitest';
import { ApiError, asApiError, faultOfStatus } from '../../../server/discovery/api-error.ts';
import { TimeoutError } from '../../../server/runtime/deadline.ts';

describe('the fault', () => {
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

  test('of an abort is the fault of its reason', () => {
    const reason = new ApiError('config', 'late');
    expect(asApiError(new Error('aborted', { cause: reason }))).toBe(reason);
    const timeout = new Error('aborted', { cause: new TimeoutError('late') });
    expect(asApiError(timeout)).toMatchObject({ fault: 'timeout', message: 'late' });
  });

  test('of an error without a code is malformed, unless the caller names another', () => {
    expect(asApiError('text')).toMatchObject({ fault: 'malformed', message: 'text' });
    expect(asApiError(new Error('proxy'), 'unreachable').fault).toBe('unreachable');
  });
});

describe('the message', () => {
  test('is one bounded line', () => {
    expect(new ApiError('config', `a\nb\u0000${'x'.repeat(1_000)}`).message).toMatch(/^a b x{296}$/);
  });

  test('is the code if the error has no message, as when all of several addresses failed', () => {
    const error = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
    expect(asApiError(error)).toMatchObject({ fault: 'refused', message: 'ECONNREFUSED' });
  });
});
