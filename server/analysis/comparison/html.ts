import { UNPRINTABLE } from '../../runtime/unprintable.ts';

/** Text that is already HTML and must not be escaped again. Only `html` creates it. */
class Markup {
  // A private field: no other object has this type, even if it has a field of the same name.
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }
}

// Only the type is exported, so that no other file can declare a text to be HTML.
export type { Markup };

/** A part of a template: strings and numbers are escaped, `Markup` is taken as it is, null adds nothing. */
type Part = string | number | Markup | readonly Markup[] | null;

/**
 * Makes HTML from a template. It escapes strings, so that no name can be markup. In them it replaces control characters,
 * line breaks too, and characters that change the direction of text, so that a name cannot rearrange the text beside it.
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
  return part.map(partText).join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text that is safe between tags and inside a quoted attribute. */
function escaped(text: string): string {
  const visible = text.replace(UNPRINTABLE, '\ufffd');
  return visible.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}
