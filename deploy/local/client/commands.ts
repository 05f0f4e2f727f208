import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseWrittenAnnotation } from '../../../server/protocol/annotation.ts';
import type { ServiceObject } from '../api/objects.ts';
import { collectionPath, DEPLOYMENTS, PODS, type Resource, resourceByName, SERVICES } from '../api/resources.ts';
import type { Table } from '../api/table.ts';
import { APP, NAMESPACE } from '../seed.ts';
import { type ApiAccess, DEFAULT_DIR, keptWriteToken, readKubeconfig } from '../state-folder.ts';
import { columns, oneLine, widthsOf } from '../terminal-text.ts';
import { parseCommandLine, UsageError } from '../usage.ts';
import { callJson, callLines } from './api-calls.ts';
import { applyFile, deleteFile } from './manifests.ts';
import { runToxiproxyCli } from './toxiproxy-cli.ts';

interface CommandIo {
  print(text: string): void;
  /** Whether a person reads the output, not a program. */
  onTerminal?: boolean;
  onStop(stop: () => void): void;
}

interface Invocation {
  access: ApiAccess;
  io: CommandIo;
  /** The arguments after the command's name that are not options. */
  args: string[];
  options: ReturnType<typeof parseCommand>['values'];
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
const CHAOS_SERVICE = 'goldpinger-chaos';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

/** Whether a word is a command for a running cluster. */
export function isCommand(word: string | undefined): word is string {
  return word !== undefined && Object.hasOwn(COMMANDS, word);
}

/** Runs a command on the cluster of `--dir` (default `.local`). Rejects with UsageError, or with the API's error. */
export async function runCommand(commandLine: readonly string[], io: CommandIo): Promise<void> {
  const { values: options, positionals } = parseCommand(commandLine);
  const [name = '', ...args] = positionals;
  const path = join(options.dir, 'kubeconfig');
  if (!existsSync(path)) {
    throw new Error(`no local cluster is running (there is no ${path}): start one with: npm start`);
  }
  const command = COMMANDS[name];
  if (!command) throw new UsageError(`unknown command: ${name}`);
  // A signal ends a command that waits (-w, -f). That is not an error.
  const stopped = new Promise<void>((resolve) => io.onStop(resolve));
  await Promise.race([command({ access: readKubeconfig(path), io, args, options }), stopped]);
}

function parseCommand(commandLine: readonly string[]) {
  return parseCommandLine({
    args: withoutAmbiguousFlags(commandLine),
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
}

/** The command line as `parseArgs` can read it: `-f` has two meanings, and the flags of `toxic` are not ours. */
function withoutAmbiguousFlags(commandLine: readonly string[]): string[] {
  const [command, ...rest] = commandLine;
  if (command === 'toxic') {
    // All flags but --dir are toxiproxy-cli's own. Behind `--` they are not parsed here.
    const at = rest.indexOf('--dir');
    const dir = at < 0 ? [] : rest.splice(at, 2);
    return ['toxic', ...dir, '--', ...rest];
  }
  // As in kubectl, -f is `--follow` for `logs`, and a file for `apply` and `delete`.
  return commandLine.map((arg) => (arg === '-f' && command !== 'logs' ? '--filename' : arg));
}

async function get({ access, io, args, options }: Invocation): Promise<void> {
  const [kind = '', name] = args.length === 1 && args[0]?.includes('/') ? kindAndName(args[0]) : args;
  const collection = collectionPath(knownResource(kind), options['all-namespaces'] ? '' : options.namespace);
  const selector = name === undefined ? '' : `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  const path = `${collection}?${selector}`;
  if (options.output === 'json') {
    io.print(`${JSON.stringify(await callJson(access, { method: 'GET', path }), null, 2)}\n`);
    return;
  }
  const print = tablePrinter(io.print, options.output === 'wide');
  const table = (await callJson(access, { method: 'GET', path, accept: TABLE })) as Table;
  if (table.rows.length === 0 && name !== undefined) throw new Error(`${kind} "${name}" not found`);
  if (table.rows.length === 0 && !options.watch) io.print('No resources found.\n');
  else print(table);
  if (!options.watch) return;
  const { resourceVersion } = table.metadata as { resourceVersion: string };
  const watchPath = `${path}&watch=1&resourceVersion=${resourceVersion}`;
  for await (const line of callLines(access, { method: 'GET', path: watchPath, accept: TABLE })) {
    const event = JSON.parse(line) as { type: string; object: Table };
    if (event.type !== 'ERROR' && event.type !== 'BOOKMARK') print(event.object);
  }
}

async function remove({ access, io, args, options }: Invocation): Promise<void> {
  const grace = options.force ? '0' : options['grace-period'];
  if (grace !== undefined && !/^\d{1,5}$/.test(grace)) {
    throw new UsageError('--grace-period must be a whole number of seconds');
  }
  const body = grace === undefined ? {} : { gracePeriodSeconds: Number(grace) };
  if (options.filename !== undefined) {
    for await (const line of deleteFile(access, options.filename, options.namespace, body)) io.print(line);
    return;
  }
  for (const { resource, name } of namedObjects(args)) {
    const path = `${collectionPath(resource, options.namespace)}/${encodeURIComponent(name)}`;
    await callJson(access, { method: 'DELETE', path, body });
    io.print(`${resource.singular} "${name}" deleted\n`);
  }
}

async function scale({ access, io, args, options }: Invocation): Promise<void> {
  // `5`, `NAME 5`, and kubectl's `deployment NAME --replicas 5` and `deployment/NAME --replicas 5`.
  const replicas = options.replicas ?? args.at(-1);
  const words = options.replicas === undefined ? args.slice(0, -1) : args;
  if (replicas === undefined || !/^\d{1,3}$/.test(replicas)) {
    throw new UsageError('scale needs a number of pods, e.g. scale 5');
  }
  const word = words.at(-1) ?? APP;
  const name = word.includes('/') ? kindAndName(word)[1] : word;
  const path = `${collectionPath(DEPLOYMENTS, options.namespace)}/${encodeURIComponent(name)}/scale`;
  const body = { spec: { replicas: Number(replicas) } };
  await callJson(access, { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
  io.print(`deployment "${name}" scaled to ${replicas}\n`);
}

async function logs({ access, io, args, options }: Invocation): Promise<void> {
  const name = args.at(-1);
  if (name === undefined) throw new UsageError('logs needs the name of a pod');
  const query = new URLSearchParams();
  if (options.tail !== undefined) query.set('tailLines', options.tail);
  if (options.container !== undefined) query.set('container', options.container);
  if (options.follow) query.set('follow', 'true');
  const pod = encodeURIComponent(name.replace(/^pods?\//, ''));
  const path = `${collectionPath(PODS, options.namespace)}/${pod}/log?${query}`;
  for await (const line of callLines(access, { method: 'GET', path })) io.print(`${line}\n`);
}

async function apply({ access, io, options }: Invocation): Promise<void> {
  if (options.filename === undefined) {
    throw new UsageError('apply needs a file: apply -f deploy/kubernetes/goldpinger-chaos.yml');
  }
  for await (const line of applyFile(access, options.filename, options.namespace)) io.print(line);
}

async function service({ access, io, args, options }: Invocation): Promise<void> {
  const urls = await serviceUrls(access, options.namespace, args[0] ?? APP);
  io.print(urls.map((url) => `${url}\n`).join(''));
}

async function annotate({ access, io, args, options }: Invocation): Promise<void> {
  const [text] = args;
  if (text === undefined || args.length > 1) {
    throw new UsageError('annotate needs one text: annotate "latency 250 ms" --tag toxiproxy');
  }
  const { from, to, id, tag: tags, dir, namespace } = options;
  const [url = ''] = await serviceUrls(access, namespace, APP);
  io.print(await annotateCluster(url, keptWriteToken(dir), { text, from, to, id, tags }));
}

async function toxic({ access, io, args, options }: Invocation): Promise<void> {
  const [first = '', second = '', ...rest] = args;
  const hasHost = ['-h', '--host'].includes(first);
  const [url = ''] = hasHost ? [second] : await serviceUrls(access, options.namespace, CHAOS_SERVICE);
  const words = hasHost ? rest : args;
  // `toxic add` means `toxiproxy-cli toxic add`; the word "toxic" need not be repeated.
  const isToxicCommand = ['add', 'update', 'remove'].includes(words[0] ?? '');
  io.print(await runToxiproxyCli(isToxicCommand ? ['toxic', ...words] : words, url, io.onTerminal));
}

/** Reads `pod x y` or `pod/x pod/y`. Throws UsageError, before anything is done, if a kind or a name is missing. */
function namedObjects(args: string[]): { resource: Resource; name: string }[] {
  const [kind = '', ...names] = args;
  if (!kind.includes('/')) {
    const resource = knownResource(kind);
    if (names.length === 0) throw new UsageError(`delete ${kind} needs a name`);
    return names.map((name) => ({ resource, name }));
  }
  return args.map((arg) => {
    const [of, name] = kindAndName(arg);
    return { resource: knownResource(of), name };
  });
}

/** Reads `pod/x`. Throws UsageError for anything else, also for `pod/x/y`, as kubectl does. */
function kindAndName(text: string): [kind: string, name: string] {
  const [kind = '', name = '', ...rest] = text.split('/');
  if (name === '' || rest.length > 0) throw new UsageError(`"${text}" must be KIND/NAME`);
  return [kind, name];
}

function knownResource(kind: string): Resource {
  const resource = resourceByName(kind);
  if (!resource) throw new UsageError(kind === '' ? 'a kind is missing, e.g. get pods' : `this cluster has no ${kind}`);
  return resource;
}

const ADDRESS_RETRY_MS = 100;
const ADDRESS_TRIES = 30;

/**
 * Returns the URLs of a Service of type LoadBalancer or NodePort on this machine, one per port, as `minikube service
 * --url` prints them. Waits up to 3 s for an address. Rejects with an Error if there is none.
 */
async function serviceUrls(access: ApiAccess, namespace: string, name: string): Promise<string[]> {
  const path = `${collectionPath(SERVICES, namespace)}/${encodeURIComponent(name)}`;
  for (let attempt = 0; attempt < ADDRESS_TRIES; attempt++) {
    const { spec, status } = (await callJson(access, { method: 'GET', path })) as ServiceObject;
    if (spec.type !== 'LoadBalancer' && spec.type !== 'NodePort') {
      throw new Error(`service ${name} has no address outside of the cluster: its type is ${spec.type}`);
    }
    const ingress = status?.loadBalancer?.ingress?.[0];
    if (ingress?.ip !== undefined) {
      const ports = ingress.ports ?? spec.ports ?? [];
      return ports.map(({ port }) => `http://${ingress.ip}:${port}`);
    }
    await new Promise((resolve) => setTimeout(resolve, ADDRESS_RETRY_MS));
  }
  throw new Error(`service ${name} has no address yet`);
}

/** A new annotation. The pods choose what is undefined. Times are ms since the epoch or RFC 3339. */
interface NewAnnotation {
  text: string;
  from: string | undefined;
  to: string | undefined;
  id: string | undefined;
  tags: string[];
}

const TIMEOUT_MS = 15_000;

/** Writes an annotation to the pods behind `url`, and returns the message for the user. Rejects with the pods' error. */
export async function annotateCluster(url: string, token: string, annotation: NewAnnotation): Promise<string> {
  const response = await fetch(`${url}/api/v1/annotations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(annotation),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body: unknown = await response.json();
  if (response.status !== 201) throw new Error(`Error from server: ${(body as { message?: string }).message}`);
  const { annotation: written, taken, missing } = parseWrittenAnnotation(body);
  const missingLines = missing.map(({ name, detail }) => `  not ${name}: ${detail}\n`).join('');
  return `annotation "${written?.id ?? ''}" set, ${taken} pod${taken === 1 ? ' has' : 's have'} it\n${missingLines}`;
}

/**
 * Prints tables as kubectl does: the column names before the rows of the first table, whose column widths the tables of a watch
 * keep. `wide` also shows the columns that kubectl shows only with `-o wide`.
 */
function tablePrinter(print: (text: string) => void, wide: boolean): (table: Table) => void {
  let shown: number[] = [];
  let widths: number[] | undefined;
  return ({ columnDefinitions, rows }) => {
    const lines = rows.map(({ cells }) => cells.map((cell) => oneLine(String(cell))));
    if (widths === undefined) {
      lines.unshift(columnDefinitions.map(({ name }) => name.toUpperCase()));
      shown = columnDefinitions.flatMap(({ priority }, i) => (wide || priority === 0 ? [i] : []));
    }
    const cells = lines.map((line) => shown.map((i) => line[i] ?? ''));
    widths ??= widthsOf(cells);
    for (const line of columns(cells, widths)) print(`${line}\n`);
  };
}
