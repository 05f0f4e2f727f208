import { useEffect, useRef } from 'react';
import { type Command, commandOf } from '../pure/keys.ts';

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
