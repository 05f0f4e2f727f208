import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const FILES = ['package.json', 'package-lock.json', 'deploy/helm/goldpinger/Chart.yaml', 'CHANGELOG.md'];
const folder = mkdtempSync(join(tmpdir(), 'goldpinger-version-'));
for (const file of FILES) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  cpSync(file, join(folder, file));
}
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every version in the files of a folder. */
function versionsIn(root: string): string[] {
  const [packageJson = '', lockFile = '', chartFile = ''] = FILES.map((file) => readFileSync(join(root, file), 'utf8'));
  const [lock, chart] = [JSON.parse(lockFile), parse(chartFile)];
  return [JSON.parse(packageJson).version, lock.version, lock.packages[''].version, chart.version, chart.appVersion];
}

function version(...args: string[]) {
  return spawnSync(process.execPath, [resolve('deploy/version.mjs'), ...args], { cwd: folder, encoding: 'utf8' });
}

describe('the version', () => {
  it("is package.json's everywhere", () => expect(new Set(versionsIn('.')).size).toBe(1));

  it('is set everywhere by npm run version, and nothing else changes', () => {
    const before = readFileSync(join(folder, 'package.json'), 'utf8');
    const [old = ''] = versionsIn('.');
    expect(version('7.8.9')).toMatchObject({ status: 0, stderr: '' });
    expect(new Set(versionsIn(folder))).toEqual(new Set(['7.8.9']));
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe(
      before.replace(`"version": "${old}"`, '"version": "7.8.9"'),
    );
    expect(JSON.parse(before).scripts.version).toBe('node deploy/version.mjs');
  });

  it('gets the unreleased changes as its release notes, once', () => {
    const path = join(folder, 'CHANGELOG.md');
    writeFileSync(path, '# Changelog\n\n## [Unreleased]\n\n### Added\n- pings\n\n## [0.0.1] - 2026-01-02\n\nold\n');
    for (const _ of ['first', 'again']) expect(version('7.8.9').status).toBe(0);
    expect(readFileSync(path, 'utf8').match(/^## .*/gm)).toEqual([
      '## [Unreleased]',
      expect.stringMatching(/^## \[7\.8\.9\] - \d{4}-\d\d-\d\d$/),
      '## [0.0.1] - 2026-01-02',
    ]);
    expect(version('--notes').stdout).toBe('### Added\n- pings\n');
  });

  it.each(['1.0', 'v1.0.0', '1.0.0;rm'])('is refused if it is %s, and nothing changes', (text) => {
    expect(version(text)).toMatchObject({ status: 1, stderr: expect.stringContaining(text) });
    expect(versionsIn(folder)).toContain('7.8.9');
  });
});
