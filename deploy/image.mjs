// `npm run image`: builds the container image from this clone with the engine that is there, and loads it into the cluster
// that is there. It needs Node alone, not `npm ci`.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** The image that deploy/kubernetes and the chart name. */
const IMAGE = 'goldpinger-ts:dev';
const NEXT = 'kubectl apply -f deploy/kubernetes/goldpinger-rbac.yml -f deploy/kubernetes/goldpinger.yml';
const BUILD = ['build', '-f', 'deploy/Dockerfile', '-t', IMAGE, '.'];

const HELP = `npm run image -- [options]: builds ${IMAGE} and loads it into a cluster

  --load NAME     where the image is needed: ${['minikube', 'kind', 'k3d', 'docker', 'nerdctl'].join(', ')}
                  (docker: Docker Desktop; nerdctl: Rancher Desktop with containerd).
                  Default: the cluster that kubectl's current context names
  --cluster NAME  the cluster's name, if it is not the tool's default one
  --dry-run       only print the commands
  --help          show this help
`;

/** Programs by name: how to ask whether they work, and what to do if they don't. */
const PROGRAMS = {
  docker: { check: ['version'], fix: 'install Docker (https://docs.docker.com/get-docker/) and start it' },
  nerdctl: { check: ['info'], fix: 'install nerdctl (https://github.com/containerd/nerdctl) and start containerd' },
  minikube: {
    check: ['status'],
    fix: 'install minikube (https://minikube.sigs.k8s.io/docs/start/) and run: minikube start',
  },
  kind: { check: ['get', 'nodes'], fix: 'install kind (https://kind.sigs.k8s.io/) and run: kind create cluster' },
  k3d: { check: ['cluster', 'get'], fix: 'install k3d (https://k3d.io/) and run: k3d cluster create k3s-default' },
};

/** What brings an image of Docker into a cluster, which has the tool's default name if `cluster` is ''. */
const LOAD = {
  minikube: (cluster) => ['minikube', ...flag('-p', cluster), 'image', 'load', IMAGE],
  kind: (cluster) => ['kind', 'load', 'docker-image', IMAGE, ...flag('--name', cluster)],
  k3d: (cluster) => ['k3d', 'image', 'import', IMAGE, ...flag('--cluster', cluster)],
};

/** `check` of a program, about the cluster that is meant. */
function checkOf(program, cluster) {
  const { check } = PROGRAMS[program];
  if (program === 'minikube') return [...flag('-p', cluster), ...check];
  if (program === 'kind') return [...check, ...flag('--name', cluster)];
  return program === 'k3d' ? [...check, cluster || 'k3s-default'] : check;
}

function flag(name, value) {
  return value === '' ? [] : [name, value];
}

function works(program, cluster = '') {
  return spawnSync(program, checkOf(program, cluster), { stdio: 'ignore', timeout: 30_000 }).status === 0;
}

/** Ends with a message that says what to do. */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** The tool and the name of the cluster that kubectl talks to, as their tools name contexts. */
function currentCluster() {
  const { stdout } = spawnSync('kubectl', ['config', 'current-context'], { encoding: 'utf8', timeout: 30_000 });
  const context = (stdout ?? '').trim();
  const [, tool, cluster] = /^(kind|k3d)-(.+)$/.exec(context) ?? [];
  if (tool) return { tool, cluster };
  if (context === 'minikube') return { tool: 'minikube', cluster: '' };
  if (context === 'docker-desktop') return { tool: 'docker', cluster: '' };
  if (context === 'rancher-desktop') return { tool: works('docker') ? 'docker' : 'nerdctl', cluster: '' };
  return fail(
    `Which cluster is the image for? ${context ? `kubectl's context is ${context}, whose tool is unknown` : 'kubectl has no current context'}.\n` +
      'Say: npm run image -- --load minikube (or kind, k3d, docker, nerdctl). For a cluster elsewhere, push the image to a\n' +
      'registry that it can reach: see "An image in a registry" in docs/deployment.md.',
  );
}

/** The commands that build the image and load it, and the programs that they need. */
function planOf({ tool, cluster }) {
  if (tool === 'docker') return { programs: ['docker'], commands: [['docker', ...BUILD]] };
  // The kubelet uses containerd's namespace k8s.io.
  if (tool === 'nerdctl') return { programs: ['nerdctl'], commands: [['nerdctl', '--namespace', 'k8s.io', ...BUILD]] };
  if (tool === 'minikube' && !works('docker')) {
    // Only BuildKit understands our Dockerfile.
    const build = ['minikube', ...flag('-p', cluster), 'image', 'build', '--build-env=DOCKER_BUILDKIT=1'];
    return { programs: ['minikube'], commands: [[...build, ...BUILD.slice(1)]] };
  }
  return { programs: ['docker', tool], commands: [['docker', ...BUILD], LOAD[tool](cluster)] };
}

function parsed() {
  const text = { type: 'string', default: '' };
  const truth = { type: 'boolean', default: false };
  try {
    return parseArgs({ options: { load: text, cluster: text, 'dry-run': truth, help: truth } }).values;
  } catch (error) {
    return fail(`${error.message}\nSee npm run image -- --help`);
  }
}

const options = parsed();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (options.load !== '' && !Object.hasOwn(PROGRAMS, options.load)) {
  fail(`--load ${options.load}: expected one of ${Object.keys(PROGRAMS).join(', ')}`);
}
// npm keeps `--dry-run` for itself if it stands before `--`.
const isDryRun = options['dry-run'] || process.env['npm_config_dry_run'] === 'true';
const target = options.load === '' ? currentCluster() : { tool: options.load, cluster: options.cluster };
const { programs, commands } = planOf({ ...target, cluster: options.cluster || target.cluster });
const missing = programs.filter((name) => !works(name, options.cluster || target.cluster));
for (const name of missing) process.stderr.write(`missing: ${name} does not answer: ${PROGRAMS[name].fix}\n`);
if (missing.length > 0 && !isDryRun) process.exit(1);
for (const [program, ...args] of commands) {
  process.stdout.write(`${[program, ...args].join(' ')}\n`);
  if (isDryRun) continue;
  const { status } = spawnSync(program, args, {
    stdio: 'inherit',
    cwd: join(import.meta.dirname, '..'),
    env: { ...process.env, DOCKER_BUILDKIT: '1' },
  });
  if (status !== 0) fail(`${program} failed: see its message above`);
}
process.stdout.write(`next: ${NEXT}\n`);
