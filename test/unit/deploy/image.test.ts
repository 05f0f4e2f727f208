import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { manifestsIn } from '../../support/manifest-schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'goldpinger-image-script-'));
const calls = join(folder, 'calls');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BUILD = 'build -f deploy/Dockerfile -t goldpinger-ts:dev .';
const NEXT = 'next: kubectl apply -f deploy/kubernetes/goldpinger-rbac.yml -f deploy/kubernetes/goldpinger.yml';

/** Makes these programs the only ones there are; each notes its call and does what the shell `script` says. */
function install(programs: Record<string, string>): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  writeFileSync(calls, '');
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> ${calls}\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

/** Runs the script of `npm run image`. */
function image(args: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['deploy/image.mjs', ...args], {
    env: { PATH: folder, ...env },
    encoding: 'utf8',
  });
  return { status, lines: stdout.trim().split('\n'), stderr, calls: readFileSync(calls, 'utf8').trim().split('\n') };
}

beforeEach(() => install({ docker: '', nerdctl: '', minikube: '', kind: '', k3d: '' }));

describe('npm run image', () => {
  it.each([
    ['minikube', [], [`docker ${BUILD}`, 'minikube image load goldpinger-ts:dev']],
    ['minikube', ['--cluster', 'my'], [`docker ${BUILD}`, 'minikube -p my image load goldpinger-ts:dev']],
    ['kind', ['--cluster', 'my'], [`docker ${BUILD}`, 'kind load docker-image goldpinger-ts:dev --name my']],
    ['k3d', ['--cluster', 'my'], [`docker ${BUILD}`, 'k3d image import goldpinger-ts:dev --cluster my']],
    ['docker', [], [`docker ${BUILD}`]],
    ['nerdctl', [], [`nerdctl --namespace k8s.io ${BUILD}`]],
  ])('builds and loads for %s %j, and ends with the next command', (tool, more, commands) => {
    const done = image(['--load', tool, ...more]);
    expect(done).toMatchObject({ status: 0, lines: [...commands, NEXT], stderr: '' });
    expect(done.calls.slice(-commands.length)).toEqual(commands);
    expect(image(['--load', tool, ...more, '--dry-run']).lines).toEqual([...commands, NEXT]);
  });

  it('lets minikube build where no Docker runs', () => {
    install({ docker: 'exit 1', minikube: '' });
    const build = `minikube image ${BUILD.replace('build', 'build --build-env=DOCKER_BUILDKIT=1')}`;
    expect(image(['--load', 'minikube'])).toMatchObject({ status: 0, lines: [build, NEXT] });
  });

  it.each([
    ['minikube', 'minikube image load goldpinger-ts:dev'],
    ['kind-my', 'kind load docker-image goldpinger-ts:dev --name my'],
    ['k3d-my', 'k3d image import goldpinger-ts:dev --cluster my'],
    ['docker-desktop', `docker ${BUILD}`],
  ])("takes the cluster of kubectl's context %s", (context, last) => {
    install({ docker: '', minikube: '', kind: '', k3d: '', kubectl: `echo ${context}` });
    expect(image([]).lines.slice(-2)).toEqual([last, NEXT]);
  });

  it('asks which cluster is meant if the context tells nothing, or there is none', () => {
    install({ docker: '', kubectl: 'echo prod' });
    expect(image([])).toMatchObject({ status: 1, stderr: expect.stringContaining("kubectl's context is prod") });
    install({ docker: '' });
    const { status, stderr } = image([]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('no current context')]);
    expect(stderr).toContain('--load minikube');
  });

  it('says what is missing and runs nothing; a dry run prints the commands all the same', () => {
    install({ docker: '' });
    const { status, stderr, calls: made } = image(['--load', 'kind']);
    expect([status, stderr, made]).toEqual([
      1,
      expect.stringContaining('kind create cluster'),
      [expect.stringContaining('version')],
    ]);
    const dry = image(['--load', 'kind'], { npm_config_dry_run: 'true' });
    expect([dry.status, dry.lines.length, dry.stderr]).toEqual([0, 3, stderr]);
  });

  it('stops at the first command that fails', () => {
    install({ docker: '[ "$1" = version ]', kind: '' });
    const { status, stderr, calls: made } = image(['--load', 'kind']);
    expect([status, stderr, made.at(-1)]).toEqual([1, 'docker failed: see its message above\n', `docker ${BUILD}`]);
  });

  it('rejects options that it does not know', () => {
    expect(image(['--load', 'podman']).stderr).toContain('expected one of docker, nerdctl, minikube, kind, k3d');
    expect(image(['--laod', 'kind'])).toMatchObject({ status: 1, stderr: expect.stringContaining('--help') });
    expect(image(['--help']).lines.join()).toContain('--load NAME');
  });
});

describe('documents, manifests and chart', () => {
  const documents = ['.', 'docs', 'deploy'].flatMap((root) =>
    readdirSync(root, { recursive: root !== '.', encoding: 'utf8' })
      .filter((name) => (root === '.' ? /\.md$/ : /\.(md|ya?ml|tpl|txt|json|mjs)$|Dockerfile$/).test(name))
      .map((name) => join(root, name)),
  );
  /** An image of ours with a registry, tag or digest, but for the one of `npm run image` and for placeholders of the reader. */
  const strange =
    /(?<![\w/.-])(?!REGISTRY\/|dist\/)(?:[\w.:-]+\/)+goldpinger-ts(?![\w-]|\.c|\.json)|\bgoldpinger-ts(?:@|:(?!dev\b|TAG\b)\w)/;

  it.each(documents)('%s names no image of ours that does not exist', (path) => {
    expect(readFileSync(path, 'utf8').replaceAll(/https?:\/\/\S+/g, '')).not.toMatch(strange);
  });

  it.each([
    'ghcr.io/goldpinger-ts/goldpinger-ts:0.1.0',
    'image: goldpinger-ts:0.1.0',
    'docker pull goldpinger-ts@sha256:00',
    'repository: example.com/goldpinger-ts',
  ])('would be told of %s', (text) => expect(text).toMatch(strange));
});

/** The commands of the first shell block after a heading, comments removed. */
function commandsAfter(heading: string, path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const [, block = ''] = /^```sh\n(.*?)^```$/ms.exec(text.slice(text.indexOf(heading))) ?? [];
  return block.split('\n').flatMap((line) => line.replace(/\s+#.*/, '').trim() || []);
}

describe('minikube in five commands', () => {
  const commands = commandsAfter('## minikube, in five commands', 'docs/deployment.md');

  it('is the same in README.md', () => {
    expect(commands).toHaveLength(5);
    expect(commandsAfter('## Deploy it', 'README.md')).toEqual(commands);
  });

  it('starts the cluster, loads the image, applies files that are there, and asks for objects in them', () => {
    const [start, build, apply = '', rollout, open] = commands;
    expect([start, build]).toEqual(['minikube start', 'npm run image']);
    expect(JSON.parse(readFileSync('package.json', 'utf8')).scripts.image).toBe('node deploy/image.mjs');
    expect(`next: ${apply}`).toBe(NEXT);
    const files = [...apply.matchAll(/-f (\S+)/g)].map(([, file = '']) => file);
    for (const file of files) expect([file, existsSync(file)]).toEqual([file, true]);
    const objects = files.flatMap((file) => manifestsIn(file));
    const namesOf = (kind: string) => objects.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
    expect(rollout).toBe(`kubectl rollout status deployment/${namesOf('Deployment')[0]}`);
    expect(open).toBe(`minikube service ${namesOf('Service')[0]}`);
    const [deployment] = objects.filter(({ kind }) => kind === 'Deployment');
    expect(deployment?.spec.template.spec.containers[0]).toMatchObject({
      image: 'goldpinger-ts:dev',
      imagePullPolicy: 'IfNotPresent',
    });
    install({ docker: '', minikube: '', kubectl: 'echo minikube' });
    expect(image(['--dry-run'])).toMatchObject({ status: 0, stderr: '' });
  });
});
