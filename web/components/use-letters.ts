import { type RefObject, useEffect, useRef } from 'react';

/**
 * Calls an action for a single letter, except while typing, with a modifier key, or in a dialog. Moves focus to `grid`,
 * so that arrow keys continue from there.
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
