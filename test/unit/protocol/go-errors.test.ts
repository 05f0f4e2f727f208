import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goError, outcomeOfGoError } from '../../../server/protocol/go-errors.ts';
import { OUTCOMES, PHASES } from '../../../server/protocol/sample.ts';

const at = { path: '/ping', address: '10.0.0.3', port: 8080 };

describe('a failure in the words of Go', () => {
  it.each<[Partial<Parameters<typeof goError>[0]>, string]>([
    [{ outcome: 'refused' }, 'Get "http://10.0.0.3:8080/ping": dial tcp 10.0.0.3:8080: connect: connection refused'],
    [{ outcome: 'unreachable' }, 'Get "http://10.0.0.3:8080/ping": dial tcp 10.0.0.3:8080: connect: no route to host'],
    [{ outcome: 'timeout' }, 'Get "http://10.0.0.3:8080/ping": dial tcp 10.0.0.3:8080: i/o timeout'],
    [{ outcome: 'timeout', phase: 'first-byte' }, 'Get "http://10.0.0.3:8080/ping": context deadline exceeded'],
    [
      { outcome: 'reset', phase: 'body' },
      'Get "http://10.0.0.3:8080/ping": read tcp 10.0.0.3:8080: read: connection reset by peer',
    ],
    [
      { outcome: 'http-status', phase: 'body', detail: 'status 404' },
      'Get "http://10.0.0.3:8080/ping": http-status: status 404',
    ],
    [
      { outcome: 'refused', address: 'fd00::3' },
      'Get "http://[fd00::3]:8080/ping": dial tcp [fd00::3]:8080: connect: connection refused',
    ],
    // The words of a Go pod stay as they came.
    [{ outcome: 'timeout', phase: null, detail: 'Get "http://x/ping": canceled' }, 'Get "http://x/ping": canceled'],
  ])('%o', (failure, words) => {
    expect(goError({ ...at, outcome: 'ok', phase: 'connect', detail: 'own words', ...failure })).toBe(words);
  });

  it('is understood again as what it was', () => {
    fc.assert(
      fc.property(fc.constantFrom(...OUTCOMES.slice(1)), fc.constantFrom(...PHASES), (outcome, phase) => {
        const words = goError({ ...at, outcome, phase, detail: '' });
        expect(outcomeOfGoError(words, outcome !== 'no-address').outcome).toBe(outcome);
      }),
    );
  });
});

describe('the outcome of a ping that a Go pod reports', () => {
  it.each([
    ['dial tcp 127.0.1.3:8080: connect: connection refused', 'refused', 'connect'],
    ['dial tcp 10.0.0.9:8080: i/o timeout', 'timeout', 'connect'],
    ['context deadline exceeded', 'timeout', null],
    ['context deadline exceeded (Client.Timeout exceeded while awaiting headers)', 'timeout', 'first-byte'],
    ['EOF', 'reset', 'first-byte'],
    ['read tcp 1.2.3.4:5->10.0.0.9:8080: read: connection reset by peer', 'reset', 'first-byte'],
    ['dial tcp 10.0.0.9:8080: connect: no route to host', 'unreachable', 'connect'],
    ['dial tcp: connect: network is unreachable', 'unreachable', 'connect'],
    ['dial tcp: lookup x on 10.96.0.10:53: no such host', 'dns', null],
    ['unknown error (status 404): {resp:0xc0}', 'http-status', null],
    ["invalid character '<' looking for beginning of value", 'malformed', 'body'],
    ['something that no one has seen yet', 'malformed', 'body'],
  ] as const)('%s', (words, outcome, phase) => {
    expect(outcomeOfGoError(`Get "http://10.0.0.9:8080/ping": ${words}`, true)).toEqual({ outcome, phase });
  });

  it('is no-address without an IP, whatever the words', () => {
    expect(outcomeOfGoError('connection refused', false)).toEqual({ outcome: 'no-address', phase: null });
  });
});
