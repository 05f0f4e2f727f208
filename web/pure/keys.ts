import { VIEWS, type ViewName } from './address.ts';

/** What a key does, wherever the focus is. */
export type Command = { view: ViewName } | 'filter' | 'table' | 'now' | 'help' | 'close';

/** What is known of a key press. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

/**
 * The command of a key press, or null. Single characters are silent while `typing` and where `letterKeys` is off;
 * whatever is held with Ctrl, Alt or Meta belongs to the browser.
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
