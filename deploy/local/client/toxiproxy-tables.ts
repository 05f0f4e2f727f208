/** A toxic as Toxiproxy's API shows it. */
export interface Toxic {
  name: string;
  type: string;
  stream: string;
  toxicity: number;
  attributes: Record<string, number>;
}

/** A proxy as Toxiproxy's API shows it. */
export interface ProxyState {
  name: string;
  listen: string;
  upstream: string;
  enabled: boolean;
  toxics: Toxic[] | null;
}

const COMMAND = 'npm run local -- toxic';

/** What `toxiproxy-cli list` prints on a terminal: names over the columns, and that there is nothing. Not its colours. */
export function proxyTable(proxies: readonly ProxyState[]): string {
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
export function toxicTable({ name, listen, upstream, toxics }: ProxyState): string {
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
export function toxicWords({ type, stream, toxicity, attributes }: Toxic): string[] {
  const values = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const listed = values.map(([key, value]) => `${key}=${value}\t`).join('');
  return [`type=${type}`, `stream=${stream}`, `toxicity=${toxicity.toFixed(2)}`, `attributes=[\t${listed}]`];
}
