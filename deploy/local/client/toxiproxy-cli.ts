import type { ParseArgsConfig } from 'node:util';
import { columns, oneLine, printable } from '../terminal-text.ts';
import type { ProxyView } from '../toxic/proxies.ts';
import type { Toxic } from '../toxic/toxic.ts';
import { parseCommandLine, UsageError } from '../usage.ts';

/** Sends a request to the API, and resolves with the JSON of its answer. */
type Send = (method: string, path: string, body?: object) => Promise<unknown>;

const COMMAND = 'npm run local -- toxic';
const COMMAND_NAMES = 'list, create, inspect, toggle, delete, toxic add, toxic update, toxic remove';
const TIMEOUT_MS = 5000;
const MAX_ANSWER_CHARS = 1024 * 1024;

/**
 * Runs `toxiproxy-cli ARGS` (version 2.1.4 or later) against the API at `apiUrl`. Returns what toxiproxy-cli prints to a
 * file, or with `onTerminal` what it prints to a terminal, without its colours. Rejects with UsageError, or with the
 * API's error message.
 */
export async function runToxiproxyCli(args: readonly string[], apiUrl: string, onTerminal = false): Promise<string> {
  const base = baseUrl(apiUrl);
  const send: Send = (method, path, body) => request(new URL(path, base), method, body);
  const commandWords = args[0] === 'toxic' ? 2 : 1;
  const command = args.slice(0, commandWords).join(' ');
  const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (!run) throw new UsageError(`unknown toxiproxy command; use one of: ${COMMAND_NAMES}`);
  return run(args.slice(commandWords), send, onTerminal);
}

/** The commands with toxiproxy-cli's short names. */
const COMMANDS: Record<string, (args: string[], send: Send, onTerminal: boolean) => Promise<string>> = {
  list,
  ls: list,
  inspect,
  create: createProxy,
  toggle,
  delete: deleteProxy,
  'toxic add': addToxic,
  'toxic a': addToxic,
  'toxic update': updateToxic,
  'toxic u': updateToxic,
  'toxic remove': removeToxic,
  'toxic r': removeToxic,
  'toxic delete': removeToxic,
  'toxic d': removeToxic,
};

async function list(_: string[], send: Send, onTerminal: boolean): Promise<string> {
  const proxies = Object.values((await send('GET', '/proxies')) as Record<string, ProxyView>);
  if (onTerminal) return proxyTable(proxies);
  const lines = proxies.map(({ name, listen, upstream, enabled, toxics }) =>
    [name, listen, upstream, enabled ? 'enabled' : 'disabled', toxics.length].join('\t'),
  );
  return lines.map((line) => `${line}\n`).join('');
}

async function inspect(args: string[], send: Send, onTerminal: boolean): Promise<string> {
  const proxy = (await send('GET', proxyPath(parseProxyArgs(args).proxy))) as ProxyView;
  if (onTerminal) return toxicTable(proxy);
  return proxy.toxics.map((toxic) => `${toxic.name}\t${describeToxic(toxic).join('\t')}\n`).join('');
}

async function createProxy(args: string[], send: Send): Promise<string> {
  const { proxy: name, listen, upstream } = parseProxyArgs(args);
  if (name === undefined || listen === undefined || upstream === undefined) {
    throw new UsageError('create needs a name, -l ADDRESS and -u ADDRESS');
  }
  await send('POST', '/proxies', { name, listen, upstream, enabled: true });
  return `Created new proxy ${name}\n`;
}

async function toggle(args: string[], send: Send): Promise<string> {
  const path = proxyPath(parseProxyArgs(args).proxy);
  const proxy = (await send('GET', path)) as ProxyView;
  const { enabled } = (await send('POST', path, { ...proxy, enabled: !proxy.enabled })) as ProxyView;
  return `Proxy ${proxy.name} is now ${enabled ? 'enabled' : 'disabled'}\n`;
}

async function deleteProxy(args: string[], send: Send): Promise<string> {
  const { proxy } = parseProxyArgs(args);
  await send('DELETE', proxyPath(proxy));
  return `Deleted proxy ${proxy}\n`;
}

async function addToxic(args: string[], send: Send): Promise<string> {
  const { proxy, name = '', type = '', isUpstream, toxicity = 1, attributes } = parseToxicArgs(args);
  const stream = isUpstream ? 'upstream' : 'downstream';
  const body = { name, type, stream, toxicity, attributes };
  const added = (await send('POST', `${proxyPath(proxy)}/toxics`, body)) as Toxic;
  const message = `Added ${stream} ${added.type} toxic '${added.name}' on proxy '${proxy}'\n`;
  return message + unknownAttributes(attributes, added);
}

async function updateToxic(args: string[], send: Send): Promise<string> {
  const { proxy, name, toxicity, attributes } = parseToxicArgs(args);
  const updated = (await send('POST', toxicPath(proxy, name), { attributes, toxicity })) as Toxic;
  return `Updated toxic '${name}' on proxy '${proxy}'\n${unknownAttributes(attributes, updated)}`;
}

async function removeToxic(args: string[], send: Send): Promise<string> {
  const { proxy, name } = parseToxicArgs(args);
  await send('DELETE', toxicPath(proxy, name));
  return `Removed toxic '${name}' on proxy '${proxy}'\n`;
}

/** Toxiproxy ignores unknown attributes, so that a mistyped toxic does nothing. This text warns of it. */
function unknownAttributes(given: Record<string, number>, { type, attributes }: Toxic): string {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(attributes, name));
  if (unknown.length === 0) return '';
  return `But ${type} has no ${unknown.join(', ')}, only: ${Object.keys(attributes).join(', ') || 'none'}\n`;
}

function proxyTable(proxies: readonly ProxyView[]): string {
  const rows = proxies.map(({ name, listen, upstream, enabled, toxics }) => {
    const cells = [name, listen, upstream, enabled ? 'enabled' : 'disabled', String(toxics.length || 'None')];
    return cells.map(oneLine);
  });
  const [head = '', ...lines] = columns([['Name', 'Listen', 'Upstream', 'Enabled', 'Toxics'], ...rows]);
  const hasProxies = proxies.length > 0;
  const hint = hasProxies
    ? `inspect toxics with \`${COMMAND} inspect NAME\``
    : `create a proxy with \`${COMMAND} create\``;
  const body = hasProxies ? lines : ['no proxies'];
  return [head, '='.repeat(head.length), ...body, '', `Hint: ${hint}`, ''].join('\n');
}

function toxicTable({ name, listen, upstream, toxics }: ProxyView): string {
  const head = oneLine(`Name: ${name}   Listen: ${listen}   Upstream: ${upstream}`);
  const streams = ['Upstream', 'Downstream'].map((stream) => {
    const ofStream = toxics.filter((toxic) => toxic.stream === stream.toLowerCase());
    const lines = ofStream.map((toxic) => `${oneLine(toxic.name)}:   ${describeToxic(toxic).join('   ')}\n`);
    return `${stream} toxics:\n${lines.join('') || `Proxy has no ${stream} toxics enabled.\n`}`;
  });
  return printable(`${head}\n${'='.repeat(head.length)}\n${streams.join('\n')}`);
}

/** Describes a toxic's settings, with its attributes in alphabetical order. */
function describeToxic({ type, stream, toxicity, attributes }: Toxic): string[] {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const listed = sorted.map(([name, value]) => `${name}=${value}\t`).join('');
  return [`type=${type}`, `stream=${stream}`, `toxicity=${toxicity.toFixed(2)}`, `attributes=[\t${listed}]`];
}

/** Parses the flags of a command for a proxy. Throws UsageError. */
function parseProxyArgs(args: readonly string[]) {
  const { values, positionals } = parseFlags(args, {
    listen: { type: 'string', short: 'l' },
    upstream: { type: 'string', short: 'u' },
  });
  return { proxy: positionals[0], ...values };
}

/** Parses the flags of a command for a toxic, by the names of all toxiproxy-cli versions. Throws UsageError. */
function parseToxicArgs(args: readonly string[]) {
  const { values, positionals } = parseFlags(args, {
    type: { type: 'string', short: 't' },
    toxicName: { type: 'string', short: 'n' },
    toxicname: { type: 'string' },
    toxicity: { type: 'string' },
    tox: { type: 'string' },
    attribute: { type: 'string', short: 'a', multiple: true, default: [] },
    upstream: { type: 'boolean', short: 'u', default: false },
    downstream: { type: 'boolean', short: 'd' },
  });
  const { type, toxicName, toxicname, tox, toxicity = tox, attribute, upstream: isUpstream } = values;
  return {
    proxy: positionals[0],
    type,
    name: toxicName ?? toxicname,
    isUpstream,
    toxicity: toxicity === undefined ? undefined : parseToxicity(toxicity),
    attributes: Object.fromEntries(attribute.map(parseAttribute)),
  };
}

/** Like Go's flag package, accepts one or two dashes before every name. */
function parseFlags<T extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: T) {
  const normal = args.map((arg) => {
    const [, letter, value = ''] = /^--?([a-z])(?:=(.*))?$/.exec(arg) ?? [];
    return letter === undefined ? arg.replace(/^-(?=[a-z])/, '--') : `-${letter}${value}`;
  });
  return parseCommandLine({ args: normal, options, allowPositionals: true });
}

function parseToxicity(text: string): number {
  // An empty text is no number, but `Number` would read 0.
  const share = text === '' ? Number.NaN : Number(text);
  if (!(share >= 0 && share <= 1)) throw new UsageError('toxicity should be a number from 0 to 1');
  return share;
}

function parseAttribute(text: string): [name: string, value: number] {
  const [, name = '', value = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === '' || !Number.isFinite(Number(value))) throw new UsageError('-a needs NAME=NUMBER');
  return [name, Number(value)];
}

function proxyPath(proxy: string | undefined): string {
  if (proxy === undefined) throw new UsageError('the name of a proxy is missing');
  return `/proxies/${encodeURIComponent(proxy)}`;
}

function toxicPath(proxy: string | undefined, name: string | undefined): string {
  if (name === undefined) throw new UsageError('the name of a toxic is missing: use -n NAME');
  return `${proxyPath(proxy)}/toxics/${encodeURIComponent(name)}`;
}

/** Reads the API's URL. As in toxiproxy-cli, the scheme may be missing. Throws UsageError. */
function baseUrl(apiUrl: string): URL {
  const url = /^https?:\/\//.test(apiUrl) ? apiUrl : `http://${apiUrl}`;
  if (!URL.canParse(url)) throw new UsageError(`${JSON.stringify(apiUrl)} is not a valid address: -h HOST:PORT`);
  return new URL(url);
}

/** Sends a request to the API. Rejects with the error message of the API. */
async function request(url: URL, method: string, body?: object): Promise<unknown> {
  const init: RequestInit = { method, signal: AbortSignal.timeout(TIMEOUT_MS) };
  if (body !== undefined) init.body = JSON.stringify(body);
  let answer: Response;
  try {
    answer = await fetch(url, init);
  } catch (error) {
    throw new Error(`no Toxiproxy API answers at ${url.origin}`, { cause: error });
  }
  const text = (await answer.text()).slice(0, MAX_ANSWER_CHARS);
  if (!answer.ok) {
    const message = /"error":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.slice(0, 200);
    throw new Error(`HTTP ${answer.status}: ${message}`);
  }
  return text === '' ? undefined : JSON.parse(text);
}
