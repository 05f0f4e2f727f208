import { FlagError } from '../command-line.ts';

/** A toxic as Toxiproxy's API shows it. */
interface Toxic {
  name: string;
  type: string;
  stream: string;
  toxicity: number;
  attributes: Record<string, number>;
}

/** A proxy as Toxiproxy's API shows it. */
interface ProxyState {
  name: string;
  listen: string;
  upstream: string;
  enabled: boolean;
  toxics: Toxic[] | null;
}

const COMMAND = 'npm run local -- toxic';

/** What `toxiproxy-cli list` prints on a terminal: names over the columns, and that there is nothing. Not its colours. */
function proxyTable(proxies: readonly ProxyState[]): string {
  const rows = proxies.map(({ name, listen, upstream, enabled, toxics }) => {
    return [name, listen, upstream, enabled ? 'enabled' : 'disabled', String(toxics?.length || 'None')];
  });
  const table = [['Name', 'Listen', 'Upstream', 'Enabled', 'Toxics'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((at) => Math.max(...table.map((cells) => cells[at]?.length ?? 0)));
  const [head = '', ...lines] = table.map((cells) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('   '));
  const hint =
    proxies.length > 0
      ? `inspect toxics with \`${COMMAND} inspect NAME\``
      : `create a proxy with \`${COMMAND} create\``;
  const body = proxies.length > 0 ? lines.map((line) => line.trimEnd()) : ['no proxies'];
  return printable([head, '='.repeat(head.length), ...body, '', `Hint: ${hint}`, ''].join('\n'));
}

/** What `toxiproxy-cli inspect` prints on a terminal: the proxy, and the toxics of each stream. Not its colours. */
function toxicTable({ name, listen, upstream, toxics }: ProxyState): string {
  const head = `Name: ${name}   Listen: ${listen}   Upstream: ${upstream}`;
  const streams = ['Upstream', 'Downstream'].map((stream) => {
    const of = (toxics ?? []).filter((toxic) => toxic.stream === stream.toLowerCase());
    if (of.length === 0) return `${stream} toxics:\nProxy has no ${stream} toxics enabled.\n`;
    return `${stream} toxics:\n${of.map((toxic) => `${toxic.name}:   ${toxicWords(toxic).join('   ')}\n`).join('')}`;
  });
  return printable(`${head}\n${'='.repeat(head.length)}\n${streams.join('\n')}`);
}

/** Without what steers a terminal: names may come from anybody. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, ' ');
}

/** What a toxic is and does, attributes by their names. */
function toxicWords({ type, stream, toxicity, attributes }: Toxic): string[] {
  const values = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const listed = values.map(([key, value]) => `${key}=${value}\t`).join('');
  return [`type=${type}`, `stream=${stream}`, `toxicity=${toxicity.toFixed(2)}`, `attributes=[\t${listed}]`];
}

/** What a command line says: words that are no flags, and the flags by their long names. */
interface Arguments {
  words: string[];
  flags: Map<string, string>;
  attributes: Record<string, number>;
}
type Send = (method: string, path: string, body?: object) => Promise<unknown>;

const TIMEOUT_MS = 5000;
/** Flags that take a value, by every name that toxiproxy-cli's versions know. */
const VALUES: Record<string, string> = {
  l: 'listen',
  listen: 'listen',
  t: 'type',
  type: 'type',
  n: 'name',
  toxicName: 'name',
  toxicname: 'name',
  tox: 'toxicity',
  toxicity: 'toxicity',
};

/**
 * Does what `toxiproxy-cli ARGS` does, of 2.1.4 or later, against the API at `apiUrl`; gives what it prints where its
 * output is no terminal, or, `onTerminal`, what it says there. Rejects with FlagError, or an Error with the API's message.
 */
export async function runToxiproxyCli(args: readonly string[], apiUrl: string, onTerminal = false): Promise<string> {
  const base = baseOf(apiUrl);
  const send: Send = (method, path, body) => request(new URL(path, base), method, body);
  const [command = '', ...rest] = args[0] === 'toxic' ? args.slice(1) : args;
  if (['add', 'a', 'update', 'u', 'remove', 'r', 'delete', 'd'].includes(command) && args[0] === 'toxic') {
    return changeToxics(command.charAt(0), parsed(rest, false), send);
  }
  const commands: Record<string, () => Promise<string>> = {
    list: () => list(send, onTerminal),
    ls: () => list(send, onTerminal),
    inspect: () => inspect(parsed(rest, true), send, onTerminal),
    create: () => create(parsed(rest, true), send),
    toggle: () => toggle(parsed(rest, true), send),
    delete: () => remove(parsed(rest, true), send),
  };
  const run = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (run) return run();
  throw new FlagError('what? one of: list, create, inspect, toggle, delete, toxic add, toxic update, toxic remove');
}

async function list(send: Send, onTerminal: boolean): Promise<string> {
  const proxies = Object.values((await send('GET', '/proxies')) as Record<string, ProxyState>);
  if (onTerminal) return proxyTable(proxies);
  return proxies
    .map(({ name, listen, upstream, enabled, toxics }) => {
      const state = enabled ? 'enabled' : 'disabled';
      return `${[name, listen, upstream, state, toxics?.length ?? 0].join('\t')}\n`;
    })
    .join('');
}

async function inspect({ words: [name] }: Arguments, send: Send, onTerminal: boolean): Promise<string> {
  const proxy = (await send('GET', pathOf(name))) as ProxyState;
  if (onTerminal) return toxicTable(proxy);
  return (proxy.toxics ?? []).map((toxic) => `${toxic.name}\t${toxicWords(toxic).join('\t')}\n`).join('');
}

async function create({ words: [name], flags }: Arguments, send: Send): Promise<string> {
  const [listen, upstream] = [flags.get('listen'), flags.get('upstream')];
  if (name === undefined || listen === undefined || upstream === undefined)
    throw new FlagError('create needs a name, -l ADDRESS and -u ADDRESS');
  await send('POST', '/proxies', { name, listen, upstream, enabled: true });
  return `Created new proxy ${name}\n`;
}

async function toggle({ words: [name] }: Arguments, send: Send): Promise<string> {
  const proxy = (await send('GET', pathOf(name))) as ProxyState;
  const { enabled } = (await send('POST', pathOf(name), { ...proxy, enabled: !proxy.enabled })) as ProxyState;
  return `Proxy ${proxy.name} is now ${enabled ? 'enabled' : 'disabled'}\n`;
}

async function remove({ words: [name] }: Arguments, send: Send): Promise<string> {
  await send('DELETE', pathOf(name));
  return `Deleted proxy ${name}\n`;
}

async function changeToxics(kind: string, { words, flags, attributes }: Arguments, send: Send): Promise<string> {
  const [proxy] = words;
  const path = `${pathOf(proxy)}/toxics`;
  const toxicity = flags.has('toxicity') ? { toxicity: shareOf(flags.get('toxicity') ?? '') } : {};
  if (kind === 'a') {
    const stream = flags.has('upstream') ? 'upstream' : 'downstream';
    const named = { name: flags.get('name') ?? '', type: flags.get('type') ?? '' };
    const added = (await send('POST', path, {
      ...named,
      stream,
      toxicity: 1,
      ...toxicity,
      attributes,
    })) as Toxic;
    const said = `Added ${stream} ${added.type} toxic '${added.name}' on proxy '${proxy}'\n`;
    return said + unknownAttributes(attributes, added);
  }
  const name = flags.get('name');
  if (name === undefined) throw new FlagError('which toxic? name it with -n');
  const toxic = `${path}/${encodeURIComponent(name)}`;
  if (kind === 'u') {
    const changed = (await send('POST', toxic, { attributes, ...toxicity })) as Toxic;
    return `Updated toxic '${name}' on proxy '${proxy}'\n${unknownAttributes(attributes, changed)}`;
  }
  await send('DELETE', toxic);
  return `Removed toxic '${name}' on proxy '${proxy}'\n`;
}

function shareOf(text: string): number {
  const share = Number(text || 'x');
  if (!(share >= 0 && share <= 1)) throw new FlagError('toxicity should be a number from 0 to 1');
  return share;
}

/** What Toxiproxy says nothing of: it ignores an attribute that it does not know, and a mistyped toxic does nothing. */
function unknownAttributes(given: Record<string, number>, { type, attributes }: Toxic): string {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(attributes, name));
  if (unknown.length === 0) return '';
  return `But ${type} has no ${unknown.join(', ')}, only: ${Object.keys(attributes).join(', ') || 'none'}\n`;
}

/** Reads flags with one dash or two; `-u` takes a value where a proxy is made and none where a toxic is. */
function parsed(args: readonly string[], upstreamTakesValue: boolean): Arguments {
  const read: Arguments = { words: [], flags: new Map(), attributes: {} };
  const left = args.flatMap((arg) => (arg.startsWith('-') && arg.includes('=') ? splitOnce(arg) : [arg]));
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const flag = arg.startsWith('-') ? arg.replace(/^--?/, '') : undefined;
    if (flag === undefined) read.words.push(arg);
    else if (flag === 'u' || flag === 'upstream')
      read.flags.set('upstream', upstreamTakesValue ? (left.shift() ?? '') : '');
    else if (flag === 'd' || flag === 'downstream') read.flags.set('downstream', '');
    else if (flag === 'a' || flag === 'attribute') {
      const [key = '', value = ''] = splitOnce(left.shift() ?? '');
      if (key === '' || !Number.isFinite(Number(value || 'x'))) throw new FlagError('-a needs NAME=NUMBER');
      read.attributes[key] = Number(value);
    } else {
      const name = Object.hasOwn(VALUES, flag) ? VALUES[flag] : undefined;
      if (name === undefined) throw new FlagError(`unknown flag ${arg}`);
      read.flags.set(name, left.shift() ?? '');
    }
  }
  return read;
}

function splitOnce(pair: string): string[] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair] : [pair.slice(0, at), pair.slice(at + 1)];
}

function pathOf(proxy: string | undefined): string {
  if (proxy === undefined) throw new FlagError('which proxy?');
  return `/proxies/${encodeURIComponent(proxy)}`;
}

/** Throws FlagError. */
function baseOf(apiUrl: string): URL {
  // As in toxiproxy-cli, a host may come without the scheme.
  const url = /^https?:\/\//.test(apiUrl) ? apiUrl : `http://${apiUrl}`;
  if (!URL.canParse(url)) throw new FlagError(`${JSON.stringify(apiUrl)} is not where an API can be: -h HOST:PORT`);
  return new URL(url);
}

async function request(url: URL, method: string, body?: object): Promise<unknown> {
  let answer: Response;
  try {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    answer = await fetch(url, { method, ...sent, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw new Error(`no API of a Toxiproxy answers at ${url.origin}`, { cause: error });
  }
  const text = (await answer.text()).slice(0, 1024 * 1024);
  if (!answer.ok) {
    const words = /"error":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.slice(0, 200);
    throw new Error(`HTTP ${answer.status}: ${words}`);
  }
  return text === '' ? undefined : JSON.parse(text);
}
