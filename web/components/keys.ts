import { type RefObject, useEffect, useRef } from 'react';

/** Calls `onKey` for each key press that nothing on the page has handled. A dialog keeps its keys. */
export function useKeyDown(onKey: (event: KeyboardEvent) => void): void {
  const latest = useRef(onKey);
  useEffect(() => {
    latest.current = onKey;
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && document.querySelector('dialog[open]') === null) latest.current(event);
    };
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, []);
}

/**
 * Calls an action for a single letter, except while typing or with a modifier key. Moves focus to `grid`, so that arrow keys
 * continue from there.
 */
export function useLetters(
  enabled: boolean,
  actions: Record<string, () => void>,
  grid: RefObject<HTMLElement | null>,
): void {
  useKeyDown((event) => {
    const action = actions[event.key.toLowerCase()];
    if (!enabled || action === undefined || hasModifier(event) || isTyping(event.target)) return;
    event.preventDefault();
    grid.current?.focus({ preventScroll: true });
    action();
  });
}

/** Whether Ctrl, Alt or Meta is held: such keys belong to the browser. */
export function hasModifier({ ctrlKey, altKey, metaKey }: Pick<KeyboardEvent, 'ctrlKey' | 'altKey' | 'metaKey'>) {
  return ctrlKey || altKey || metaKey;
}

/** Whether keys go into the focused element as text, or choose one of its options. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'range', 'button'].includes(target.type);
  return target.isContentEditable || target.matches('textarea, select');
}
