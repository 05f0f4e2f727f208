import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const FOLDER = '.github/workflows';
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));

interface Workflow {
  permissions: Record<string, string>;
  jobs: Record<string, { permissions?: Record<string, string>; strategy?: { matrix: { node: number[] } } }>;
}
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const workflow = (name: string) => parse(read(name)) as Workflow;

describe.each(readdirSync(FOLDER))('%s', (name) => {
  it('pins every action by its commit, and names the version', () => {
    const uses = read(name).match(/uses: .*/g) ?? [];
    expect(uses.length).toBeGreaterThan(0);
    for (const line of uses) expect(line).toMatch(/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('may only read, unless a job says what it writes', () => {
    expect(workflow(name).permissions).toEqual({ contents: 'read' });
  });

  it('runs scripts that package.json has, and names no owner', () => {
    for (const [, script = ''] of read(name).matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([script]);
    expect(read(name)).not.toMatch(/ghcr\.io\//);
  });
});

describe('the workflows', () => {
  it('check with the oldest Node that package.json allows, and with the one of the image', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(workflow('ci.yml').jobs['check']?.strategy?.matrix.node).toEqual([20, 22, 24]);
    expect(engines.node).toMatch(/^>=20\./);
    expect(readFileSync('deploy/Dockerfile', 'utf8')).toContain(`node:${readFileSync('.nvmrc', 'utf8').trim()}-`);
  });

  it('give the right to push images and the right to make a release to different jobs', () => {
    const { image, release } = workflow('release.yml').jobs;
    expect(image?.permissions).toEqual({ contents: 'read', packages: 'write', 'id-token': 'write' });
    expect(release?.permissions).toEqual({ contents: 'write' });
  });

  it('set values of the chart that are there, on a release', () => {
    const values = readFileSync('deploy/helm/goldpinger/values.yaml', 'utf8');
    for (const line of ['  repository: goldpinger-ts\n', '  digest: ""\n', '  runbookUrl: ""\n'])
      expect(values.split(line)).toHaveLength(2);
  });
});
