import { hasModifier, isTyping, useKeyDown } from '../components/keys.ts';
import { VIEWS, type ViewName } from '../model/address.ts';

/** Calls `run` for every key that is a command, unless a view has handled the key. */
export function useKeys(letterKeys: boolean, run: (command: Command) => void): void {
  useKeyDown((event) => {
    const command = commandOf(event, isTyping(event.target), letterKeys);
    if (command === null) return;
    // Esc in a field first leaves the field.
    if (command === 'close' && isTyping(event.target)) return (event.target as HTMLElement).blur();
    // The browser closes an open menu with Esc.
    if (command === 'close' && document.querySelector(':popover-open') !== null) return;
    event.preventDefault();
    run(command);
  });
}

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
  if (hasModifier(press)) return null;
  if (press.key === 'Escape') return 'close';
  if (typing || !letterKeys) return null;
  const view = VIEWS['1234'.indexOf(press.key)];
  if (view !== undefined && press.key.length === 1) return { view };
  return COMMANDS.get(press.key.toLowerCase()) ?? null;
}

const COMMANDS = new Map<string, Command>([
  ['/', 'filter'],
  ['t', 'table'],
  ['n', 'now'],
  ['?', 'help'],
]);
