import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseWrittenAnnotation } from '../../../server/protocol/annotation.ts';
import type { ServiceObject } from '../api/objects.ts';
import { collectionPath, DEPLOYMENTS, PODS, type Resource, resourceByName, SERVICES } from '../api/resources.ts';
import type { Table } from '../api/table.ts';
import { DEFAULT_DIR, FlagError } from '../command-line.ts';
import { type ApiAccess, readKubeconfig } from '../kubeconfig.ts';
import { APP, NAMESPACE } from '../seed.ts';
import { keptWriteToken } from '../state-folder.ts';
import { call, callJson, linesOf, textOf } from './api-client.ts';
import { applyFile, deleteFile } from './manifests.ts';
import { TablePrinter } from './printer.ts';
import { runToxiproxyCli } from './toxiproxy-cli.ts';

/** What a command needs of the process. */
interface CommandIo {
  print(text: string): void;
  /** What is printed is read by somebody, not by a program. */
  onTerminal?: boolean;
  onEnd(end: () => void): void;
}

interface Invocation {
  access: ApiAccess;
  io: CommandIo;
  /** What follows the command's name. */
  words: string[];
  options: ReturnType<typeof read>['values'];
}

const COMMANDS: Record<string, (invocation: Invocation) => Promise<void>> = {
  annotate,
  get,
  delete: remove,
  scale,
  logs,
  apply,
  service,
  toxic,
};
/** The Service of Toxiproxy's API in goldpinger-chaos.yml. */
const CHAOS = 'goldpinger-chaos';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

/** Whether a word is a command for a running cluster. */
export function isCommand(word: string | undefined): word is string {
  return word !== undefined && Object.hasOwn(COMMANDS, word);
}

/**
 * Carries out a command on the cluster that runs in `--dir` (default `.local`); gives the exit code. Rejects with
 * FlagError, or an Error that tells what the API said.
 */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  // What follows `toxic` are toxiproxy-cli's own flags.
  const own = args[0] === 'toxic' ? toxicArgs(args.slice(1)) : args;
  const { values: options, positionals } = read(own);
  const [name = '', ...words] = positionals;
  const path = join(options.dir, 'kubeconfig');
  if (!existsSync(path))
    throw new Error(`no local cluster is running (there is no ${path}): start one with: npm start`);
  const command = COMMANDS[name];
  if (!command) throw new FlagError(`unknown command ${name}`);
  // A command that waits (-w, -f) ends with the terminal's say-so, and that is no failure.
  const ended = new Promise<void>((resolve) => io.onEnd(resolve));
  await Promise.race([command({ access: readKubeconfig(path), io, words, options }), ended]);
  return 0;
}

async function get({ access, io, words, options }: Invocation): Promise<void> {
  const [kind = '', name] = kindAndName(words);
  const path = collectionPath(known(kind), options['all-namespaces'] ? '' : options.namespace);
  const printer = new TablePrinter(io.print, options.output === 'wide');
  const selector = name === undefined ? '' : `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  if (options.output === 'json') {
    io.print(`${JSON.stringify(await callJson(access, { method: 'GET', path: `${path}?${selector}` }), null, 2)}\n`);
    return;
  }
  const table = (await callJson(access, { method: 'GET', path: `${path}?${selector}`, accept: TABLE })) as Table;
  if (table.rows.length === 0 && name !== undefined) throw new Error(`there is no ${kind} ${name}`);
  if (table.rows.length === 0 && !options.watch) io.print('No resources found.\n');
  else printer.add(table);
  if (!options.watch) return;
  const { resourceVersion } = table.metadata as { resourceVersion: string };
  const watchPath = `${path}?watch=1&resourceVersion=${resourceVersion}&${selector}`;
  for await (const line of linesOf(await call(access, { method: 'GET', path: watchPath, accept: TABLE }))) {
    const event = JSON.parse(line) as { type: string; object: Table };
    if (event.type !== 'ERROR' && event.type !== 'BOOKMARK') printer.add(event.object);
  }
}

async function remove({ access, io, words, options }: Invocation): Promise<void> {
  const grace = options.force ? '0' : options['grace-period'];
  if (grace !== undefined && !/^\d{1,5}$/.test(grace))
    throw new FlagError('--grace-period must be a whole number of seconds');
  if (options.filename !== undefined) {
    const body = grace === undefined ? {} : { gracePeriodSeconds: Number(grace) };
    io.print(await deleteFile(access, options.filename, options.namespace, body));
    return;
  }
  for (const { resource, name } of named(words)) {
    await callJson(access, {
      method: 'DELETE',
      path: `${collectionPath(resource, options.namespace)}/${encodeURIComponent(name)}`,
      ...(grace === undefined ? {} : { body: { gracePeriodSeconds: Number(grace) } }),
    });
    io.print(`${resource.singular} "${name}" deleted\n`);
  }
}

async function scale({ access, io, words, options }: Invocation): Promise<void> {
  const [target, count] = words.length > 1 ? [words[0], words[1]] : [APP, words[0]];
  const replicas = options.replicas ?? count;
  if (replicas === undefined || !/^\d{1,3}$/.test(replicas))
    throw new FlagError('scale needs a number of pods, e.g. scale 5');
  const name = (target ?? APP).split('/').at(-1) ?? APP;
  const path = `${collectionPath(DEPLOYMENTS, options.namespace)}/${encodeURIComponent(name)}/scale`;
  const body = { spec: { replicas: Number(replicas) } };
  await callJson(access, { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
  io.print(`deployment "${name}" scaled to ${replicas}\n`);
}

async function logs({ access, io, words, options }: Invocation): Promise<void> {
  const name = words.at(-1);
  if (name === undefined) throw new FlagError('logs needs the name of a pod');
  const query = new URLSearchParams();
  if (options.tail !== undefined) query.set('tailLines', options.tail);
  if (options.container !== undefined) query.set('container', options.container);
  if (options.follow) query.set('follow', 'true');
  const pod = encodeURIComponent(name.replace(/^pods?\//, ''));
  const answer = await call(access, {
    method: 'GET',
    path: `${collectionPath(PODS, options.namespace)}/${pod}/log?${query}`,
  });
  if (answer.statusCode !== 200) {
    const status = JSON.parse(await textOf(answer)) as { message?: string };
    throw new Error(`Error from server: ${status.message}`);
  }
  for await (const line of linesOf(answer)) io.print(`${line}\n`);
}

async function apply({ access, io, options }: Invocation): Promise<void> {
  if (options.filename === undefined)
    throw new FlagError('apply needs a file: apply -f deploy/kubernetes/goldpinger-chaos.yml');
  io.print(await applyFile(access, options.filename, options.namespace));
}

async function service({ access, io, words, options }: Invocation): Promise<void> {
  const urls = await serviceUrls(access, options.namespace, words[0] ?? APP);
  io.print(urls.map((url) => `${url}\n`).join(''));
}

async function annotate({ access, io, words, options }: Invocation): Promise<void> {
  const [text] = words;
  if (text === undefined || words.length > 1) {
    throw new FlagError('annotate needs one text: annotate "latency 250 ms" --tag toxiproxy');
  }
  const [url = ''] = await serviceUrls(access, options.namespace, APP);
  const { from, to, id, tag: tags, dir } = options;
  io.print(await annotateCluster(url, keptWriteToken(dir), { text, from, to, id, tags }));
}

async function toxic({ access, io, words, options }: Invocation): Promise<void> {
  const [first = '', second = '', ...rest] = words;
  const isHost = ['-h', '--host'].includes(first);
  const [url = ''] = isHost ? [second] : await serviceUrls(access, options.namespace, CHAOS);
  // `toxic add` is `toxiproxy-cli toxic add`: the word need not be said twice.
  const args = isHost ? rest : words;
  const isShort = ['add', 'update', 'remove'].includes(args[0] ?? '');
  io.print(await runToxiproxyCli(isShort ? ['toxic', ...args] : args, url, io.onTerminal));
}

/** `toxic` with `--dir` in its place, and all else behind `--`, where it is not read as flags of ours. */
function toxicArgs(args: readonly string[]): string[] {
  const at = args.indexOf('--dir');
  const dir = at < 0 ? [] : args.slice(at, at + 2);
  return ['toxic', ...dir, '--', ...args.filter((_, i) => at < 0 || i < at || i > at + 1)];
}

/** `pod x` and `pod/x` are the same. */
function kindAndName(words: string[]): string[] {
  return words.length === 1 ? (words[0] ?? '').split('/') : words;
}

/** What is named by `pod x y` or `pod/x pod/y`. Throws FlagError, before anything is done, where a kind or a name is missing. */
function named(words: string[]): { resource: Resource; name: string }[] {
  const [kind = '', ...names] = words;
  if (!kind.includes('/')) {
    const resource = known(kind);
    if (names.length === 0) throw new FlagError(`delete ${kind} needs a name`);
    return names.map((name) => ({ resource, name }));
  }
  return words.map((word) => {
    const [of = '', name = ''] = word.split('/');
    if (name === '') throw new FlagError(`which ${of}? ${word} has no name`);
    return { resource: known(of), name };
  });
}

function known(kind: string): Resource {
  const resource = resourceByName(kind);
  if (!resource) throw new FlagError(kind === '' ? 'which kind? e.g. get pods' : `this cluster has no ${kind}`);
  return resource;
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      // -f is a file for `apply` and `delete`, and `--follow` for `logs`, as in kubectl.
      args: args[0] === 'logs' ? [...args] : args.map((arg) => (arg === '-f' ? '--filename' : arg)),
      allowPositionals: true,
      options: {
        dir: { type: 'string', default: DEFAULT_DIR },
        namespace: { type: 'string', short: 'n', default: NAMESPACE },
        'all-namespaces': { type: 'boolean', short: 'A', default: false },
        output: { type: 'string', short: 'o', default: '' },
        watch: { type: 'boolean', short: 'w', default: false },
        follow: { type: 'boolean', short: 'f', default: false },
        tail: { type: 'string' },
        container: { type: 'string', short: 'c' },
        'grace-period': { type: 'string' },
        force: { type: 'boolean', default: false },
        replicas: { type: 'string' },
        filename: { type: 'string' },
        url: { type: 'boolean', default: false },
        from: { type: 'string' },
        to: { type: 'string' },
        id: { type: 'string' },
        tag: { type: 'string', multiple: true, default: [] },
      },
    });
  } catch (error) {
    throw new FlagError(error instanceof Error ? error.message : String(error));
  }
}

/** What is to be written; `undefined` is left to the pods. Times are ms since the epoch or RFC 3339. */
interface Mark {
  text: string;
  from: string | undefined;
  to: string | undefined;
  id: string | undefined;
  tags: string[];
}

const TIMEOUT_MS = 15_000;

/**
 * Writes an annotation on the pods behind `url`; gives what to tell the user. Rejects with an Error that says what they
 * answered.
 */
export async function annotateCluster(url: string, token: string, mark: Mark): Promise<string> {
  const answer = await fetch(`${url}/api/v1/annotations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(mark),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body: unknown = await answer.json();
  if (answer.status !== 201) throw new Error(`Error from server: ${(body as { message?: string }).message}`);
  const { annotation, taken, missing } = parseWrittenAnnotation(body);
  const lacking = missing.map(({ name, detail }) => `  not ${name}: ${detail}\n`).join('');
  return `annotation "${annotation?.id ?? ''}" set, ${taken} pod${taken === 1 ? ' has' : 's have'} it\n${lacking}`;
}

const WAIT_MS = 100;
const TRIES = 30;

/**
 * Where a Service of type LoadBalancer or NodePort can be reached from this machine, one URL a port, as `minikube
 * service --url` prints them. Waits up to 3 s for an address; rejects with an Error if there is none.
 */
async function serviceUrls(access: ApiAccess, namespace: string, name: string): Promise<string[]> {
  const path = `${collectionPath(SERVICES, namespace)}/${encodeURIComponent(name)}`;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const { spec, status } = (await callJson(access, { method: 'GET', path })) as ServiceObject;
    if (spec.type !== 'LoadBalancer' && spec.type !== 'NodePort') {
      throw new Error(`service ${name} has no address outside of the cluster: its type is ${spec.type}`);
    }
    const ingress = status?.loadBalancer?.ingress?.[0];
    if (ingress?.ip !== undefined) {
      const ports = ingress.ports ?? spec.ports ?? [];
      return ports.map(({ port }) => `http://${ingress.ip}:${port}`);
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  throw new Error(`service ${name} has no address yet`);
}
