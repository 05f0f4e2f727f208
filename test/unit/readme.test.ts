import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../../server/config/settings.ts';
import OPENAPI from '../../server/http/openapi.json';

const readme = readFileSync('README.md', 'utf8');
const contributing = readFileSync('CONTRIBUTING.md', 'utf8');
const { scripts, engines } = JSON.parse(readFileSync('package.json', 'utf8'));

describe('README.md', () => {
  it.each(Object.values(SETTINGS).map(({ variable }) => variable))('explains %s with its default', (variable) => {
    const report = readme.split('\n').find((line) => line.startsWith(`| \`${variable}\` |`)) ?? '';
    const setting = Object.values(SETTINGS).find((candidate) => candidate.variable === variable);
    expect(report).toContain(setting?.defaultText ?? setting?.default);
    expect(report).toContain(setting?.help);
  });

  it.each(Object.keys(OPENAPI.paths))('lists %s', (path) => {
    expect(readme).toContain(`| \`${path}`);
  });

  it('names only scripts, files and pictures that exist', () => {
    for (const [, script] of (readme + contributing).matchAll(/npm run ([\w:]+)/g))
      expect(scripts).toHaveProperty([script ?? '']);
    for (const [, path] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g))
      expect([path, existsSync(path ?? '')]).toEqual([path, true]);
  });

  it('names the oldest Node that package.json allows', () => {
    expect(readme).toContain(engines.node.replace('>=', ''));
  });
});
