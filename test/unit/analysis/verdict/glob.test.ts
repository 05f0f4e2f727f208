import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasWildcard, matchesGlob } from '../../../../server/analysis/verdict/parse-clause.ts';

describe('a glob', () => {
  it.each([
    ['goldpinger-chaos', 'goldpinger-chaos', true],
    ['goldpinger-chaos', 'goldpinger-chaos-1', false],
    ['goldpinger-*', 'goldpinger-chaos-1', true],
    ['*chaos*', 'goldpinger-chaos-1', true],
    ['g?ldpinger', 'goldpinger', true],
    ['g?ldpinger', 'gldpinger', false],
    ['*', '', true],
    ['?', '', false],
    ['', '', true],
    ['a*b*c', 'aXbYbc', true],
    ['a*b*c', 'aXbYbd', false],
    ['node.*', 'nodeX1', false],
  ])('%s fits %s: %s', (pattern, text, fits) => {
    expect(matchesGlob(pattern, text)).toBe(fits);
  });

  it('fits what the same regular expression fits', () => {
    const words = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(words, texts, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matchesGlob(pattern, text)).toBe(expression.test(text));
      }),
    );
  });

  it('takes no more than a step for each pair of characters, however many stars', () => {
    const startMs = performance.now();
    expect(matchesGlob('*a'.repeat(200), 'a'.repeat(100) + 'b'.repeat(5_000))).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it('says whether it stands for more than one text', () => {
    expect(['a', 'a*', 'a?'].map(hasWildcard)).toEqual([false, true, true]);
  });
});
