import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutCredentials } from '../../../server/runtime/host-port.ts';

describe('what is shown of a target', () => {
  it.each([
    ['https://me:pw@example.org/a@b?c=@', 'https://example.org/a@b?c=@'],
    ['HTTPS:\\\\me:pw@example.org/', 'https://example.org/'],
    ['http:me:pw@example.org', 'http://example.org/'],
    ['http://me:p@w@example.org', 'http://example.org/'],
    ['http://example.org', 'http://example.org'],
    ['ftp://me@example.org/', 'ftp://example.org/'],
    ['http://me:p/w@[', 'http://['],
    ['me:pw@example.org:80', 'example.org:80'],
    ['me:p/w@example.org:80', 'example.org:80'],
    ['//me:pw@example.org', 'example.org'],
    ['example.org:80', 'example.org:80'],
    ['[::1]:80', '[::1]:80'],
    ['', ''],
  ])('of %j is %j', (target, shown) => {
    expect(withoutCredentials(target)).toBe(shown);
  });

  it('never has the user or the password that a URL parser reads from it', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'B', ':', '/', '@', '?', '#', '\\', '[', '%', ' ', '\t', '.'),
    });
    const scheme = fc.constantFrom('http://', 'https:', 'ftp:/', 'x+y://', 'me:', '', '//', 'http:\\');
    fc.assert(
      fc.property(scheme, text, text, (start, before, after) => {
        const target = `${start}${before}S3CRET${after}@h/`;
        const shown = withoutCredentials(target);
        if (!URL.canParse(target)) expect(shown).not.toContain('S3CRET');
        else if (`${new URL(target).username}:${new URL(target).password}`.includes('S3CRET')) {
          expect(shown).not.toContain('S3CRET');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
