import { describe, expect, it } from 'vitest';
import { KnownAnswers } from '../../../server/probing/known-answers.ts';
import { targetOf } from '../../support/samples.ts';

const MEANING = { bootTimeMs: 1000, staysOpen: true };
const one = targetOf('1');
const bytes = Buffer.from('HTTP/1.1 200 OK');

describe('the last good answer of a target', () => {
  it('is known again by all its bytes, also when the buffer that it came in has been overwritten', () => {
    const answers = new KnownAnswers();
    const buffer = Buffer.from(bytes);
    answers.keep(one, buffer, MEANING);
    buffer.fill(0);
    expect(answers.find(one, bytes)).toMatchObject(MEANING);
  });

  it.each([
    ['longer', Buffer.from(`${bytes} `)],
    ['shorter', bytes.subarray(1)],
    ['another', Buffer.from('HTTP/1.1 200 ok')],
    ['empty', Buffer.alloc(0)],
  ])('is not one that is %s', (_name, other) => {
    const answers = new KnownAnswers();
    answers.keep(one, bytes, MEANING);
    expect(answers.find(one, other)).toBeNull();
  });

  it('is not that of another target, nor the one before it', () => {
    const answers = new KnownAnswers();
    answers.keep(one, bytes, MEANING);
    expect(answers.find(targetOf('2'), bytes)).toBeNull();
    answers.keep(one, Buffer.from('new'), { ...MEANING, bootTimeMs: 2000 });
    expect(answers.find(one, bytes)).toBeNull();
    expect(answers.find(one, Buffer.from('new'))?.bootTimeMs).toBe(2000);
  });

  it('is forgotten with the target', () => {
    const answers = new KnownAnswers();
    answers.keep(one, bytes, MEANING);
    answers.setTargets([one]);
    expect(answers.find(one, bytes)).not.toBeNull();
    answers.setTargets([targetOf('2')]);
    expect(answers.find(one, bytes)).toBeNull();
  });

  it('is kept of 256 targets, and only if it is short', () => {
    const answers = new KnownAnswers();
    answers.keep(one, Buffer.alloc(513), MEANING);
    expect(answers.find(one, Buffer.alloc(513))).toBeNull();
    for (let i = 0; i < 257; i++) answers.keep(targetOf(String(i)), bytes, MEANING);
    expect(answers.find(targetOf('255'), bytes)).not.toBeNull();
    expect(answers.find(targetOf('256'), bytes)).toBeNull();
    answers.keep(targetOf('0'), Buffer.from('new'), MEANING);
    expect(answers.find(targetOf('0'), Buffer.from('new'))).not.toBeNull();
  });
});
