import { readFileSync } from 'node:fs';

const CSS = readFileSync(new URL('../../../web/styles/tokens.css', import.meta.url), 'utf8');

/** The colours of the block that starts with `selector`. */
function tokensOf(selector: string): Map<string, string> {
  const block = CSS.slice(CSS.indexOf(`${selector} {`)).split('}')[0] ?? '';
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', hex = '']) => [name, hex]));
}

/** The colour tokens of both themes, name without dashes to `#rrggbb`, read from tokens.css. */
export const THEMES = { light: tokensOf(':root'), dark: tokensOf('[data-theme="dark"]') };
