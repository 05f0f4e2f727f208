/** Text that is HTML already; everything else is escaped. Made by `html` alone. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: a string or number is escaped, `Markup` and lists of it are not, null is nothing. */
export type Part = string | number | Markup | readonly Markup[] | null;

/**
 * A template of HTML whose parts are escaped, so that no name can be markup. Control characters and those that turn the
 * direction of text are shown as a replacement character: a name must not rearrange what stands beside it.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] ?? '';
  for (const [i, part] of parts.entries()) text += textOf(part) + (strings[i + 1] ?? '');
  return new Markup(text);
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(({ text }) => text).join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as it may stand between tags and within a quoted attribute. */
function escaped(text: string): string {
  const shown = text.replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
  return shown.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}

/** A name from outside, kept apart from the direction of the text around it. */
export function name(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}
