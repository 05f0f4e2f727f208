import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findGoldpinger, type Go } from '../../support/find-goldpinger.ts';

describe('the real Goldpinger', () => {
  let folder = '';
  beforeEach(() => {
    folder = relative(process.cwd(), mkdtempSync(join(tmpdir(), 'goldpinger-')));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const builds: Go = async (_args, { GOBIN = '' }) => writeFileSync(join(GOBIN, 'goldpinger'), '');
  const fails =
    (error: object): Go =>
    () =>
      Promise.reject(error);
  const never = fails(new Error('Go was asked'));

  it('is the one in GOLDPINGER_BIN', async () => {
    const path = join(folder, 'mine');
    writeFileSync(path, '');
    expect(await findGoldpinger(path, folder, never)).toBe(path);
  });

  it('is not looked for elsewhere if GOLDPINGER_BIN is wrong', async () => {
    const found = findGoldpinger('/no/such/file', folder, builds);
    await expect(found).rejects.toThrow('GOLDPINGER_BIN=/no/such/file does not exist');
  });

  it('is built once, by Go, in a fixed version', async () => {
    const asked: string[] = [];
    const go: Go = (args, env) => {
      asked.push(args.join(' '));
      return builds(args, env);
    };
    const path = join(folder, 'goldpinger');
    expect(await findGoldpinger('', folder, go)).toBe(path);
    expect(existsSync(path)).toBe(true);
    expect(await findGoldpinger('', folder, never)).toBe(path);
    expect(asked).toEqual(['install github.com/bloomberg/goldpinger/v3/cmd/goldpinger@v3.10.2']);
  });

  it.each([
    ['Go is missing', { code: 'ENOENT' }, /: Go is not installed$/],
    [
      'the module cannot be had',
      { code: 1, stderr: 'go: reading\n\tserver response: not available.\n' },
      /not available\.$/,
    ],
  ])('is missing with a reason if %s', async (_name, error, why) => {
    await expect(findGoldpinger('', folder, fails(error))).rejects.toThrow(why);
  });
});
