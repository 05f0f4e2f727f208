/** Text that is HTML already. Everything else is escaped. Only `html` makes it. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Markup };

/** A part of a template: strings and numbers are escaped, `Markup` is not, null is nothing. */
type Part = string | number | Markup | readonly Markup[] | null;

/**
 * A template of HTML. It escapes its parts, so that no name can be markup. It replaces control characters and characters
 * that change the direction of text, so that a name cannot rearrange the text beside it.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] ?? '';
  for (const [i, part] of parts.entries()) text += partText(part) + (strings[i + 1] ?? '');
  return new Markup(text);
}

/** A name from another process, isolated from the text direction around it. */
export function nameMarkup(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}

function partText(part: Part): string {
  if (part === null) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(({ text }) => text).join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text that is safe between tags and inside a quoted attribute. */
function escaped(text: string): string {
  const visible = text.replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
  return visible.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}
