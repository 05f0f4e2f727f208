import { useEffect, useRef } from 'react';
import { VIEWS, type ViewName } from '../model/address.ts';

/** Calls `run` for every key that is a command, unless a view has handled the key. */
export function useKeys(letterKeys: boolean, run: (command: Command) => void): void {
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return;
      const command = commandOf(event, isTyping(event.target), letterKeys);
      if (command === null) return;
      // Esc in a field first leaves the field.
      if (command === 'close' && isTyping(event.target)) {
        (event.target as HTMLElement).blur();
        return;
      }
      // The browser closes an open menu with Esc.
      if (command === 'close' && document.querySelector(':popover-open') !== null) return;
      event.preventDefault();
      latest.current(command);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [letterKeys]);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type);
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
