import { VIEWS, type ViewName } from './address.ts';

/** What a key does anywhere on the page. */
export type Command = { view: ViewName } | 'filter' | 'table' | 'now' | 'help' | 'close';

/** The used part of a `KeyboardEvent`. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

/**
 * The command of a key press, or null. Single characters do nothing while `typing` or if `letterKeys` is off. Keys with
 * Ctrl, Alt or Meta belong to the browser.
 */
export function commandOf(press: KeyPress, typing: boolean, letterKeys: boolean): Command | null {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  if (press.key === 'Escape') return 'close';
  if (typing || !letterKeys) return null;
  const view = VIEWS['1234'.indexOf(press.key)];
  if (view !== undefined && press.key.length === 1) return { view };
  switch (press.key) {
    case '/':
      return 'filter';
    case 't':
    case 'T':
      return 'table';
    case 'n':
    case 'N':
      return 'now';
    case '?':
      return 'help';
    default:
      return null;
  }
}
