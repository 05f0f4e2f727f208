import { type RefObject, useEffect, useRef } from 'react';

/**
 * Calls an action for a single letter, wherever the focus is, except while typing, with a modifier, or in a dialog.
 * `grid` gets the focus, so that arrows go on from where the letter led.
 */
export function useLetters(
  enabled: boolean,
  actions: Record<string, () => void>,
  grid: RefObject<HTMLElement | null>,
): void {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    if (!enabled) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
      const action = latest.current[event.key.toLowerCase()];
      if (action === undefined || document.querySelector('dialog[open]') !== null) return;
      event.preventDefault();
      grid.current?.focus({ preventScroll: true });
      action();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [enabled, grid]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.closest('input, textarea, select') !== null)
  );
}
