import { useEffect, useRef } from 'react';

/**
 * All keys of the page, in the order of Help: this table decides what they do and what Help says. `where`: who handles them.
 * `page`, `graph`, `heatmap` and `map` (heatmap and comparison) mean the shortcuts of `useShortcuts`, by `KeyboardEvent.key` in
 * lower case; `focus` means keys of the focused element.
 */
export const KEYS = [
  {
    where: 'page',
    keys: { 1: 'graph', 2: 'heatmap', 3: 'raw', 4: 'metrics' },
    shown: '1 – 4',
    words: 'Graph, heatmap, raw, metrics',
  },
  {
    where: 'page',
    keys: { '/': 'filter' },
    shown: '/',
    words: 'Filter by part of a name. Also node:worker-1, zone:a, is:failing, is:slow, is:starved, is:gone',
  },
  { where: 'page', keys: { t: 'table' }, shown: 'T', words: 'Switch between picture and table' },
  { where: 'page', keys: { n: 'now' }, shown: 'N', words: 'Return to live, or reconnect now' },
  { where: 'page', keys: { escape: 'close' }, shown: 'Esc', words: 'Close the open panel or dialog, stop playing' },
  {
    where: 'focus',
    keys: ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'],
    shown: 'Arrows',
    words: 'Heatmap and comparison: move between cells. Graph: move between the links of a pod',
  },
  { where: 'focus', keys: ['Enter', ' '], shown: 'Enter, Space', words: 'Open the link or pod. Space: stop playing' },
  {
    where: 'focus',
    keys: ['Home', 'End'],
    shown: 'Home, End, Ctrl+Home',
    words: 'Heatmap: ends of the row, first cell',
  },
  {
    where: 'map',
    keys: { f: 'nextFailed', s: 'nextSlow' },
    shown: 'F, S',
    words: 'Heatmap and comparison: next failed, next slow link, or next high figure',
  },
  {
    where: 'heatmap',
    keys: { '[': 'previousOrder', ']': 'nextOrder' },
    shown: '[ ]',
    words: 'Heatmap: previous or next sort order',
  },
  {
    where: 'graph',
    keys: { '+': 'zoomIn', '=': 'zoomIn', '-': 'zoomOut', 0: 'zoomReset' },
    shown: '+ − 0',
    words: 'Graph: zoom in, out, reset. 0 also puts dragged pods back',
  },
  {
    where: 'focus',
    keys: ['PageUp', 'PageDown'],
    shown: '← →, Page Up, Page Down',
    words: 'Timeline: previous or next step, previous or next event. Enter shows that time',
  },
  {
    where: 'focus',
    keys: [],
    shown: 'Shift + ← →',
    words: 'Timeline: select a range, Enter confirms. Arrow keys move a focused handle',
  },
  { where: 'focus', keys: ['Delete'], shown: 'Delete', words: 'Timeline: remove the range of a focused handle' },
  { where: 'page', keys: { '?': 'help' }, shown: '?', words: 'This help' },
] as const;

type Where = Exclude<(typeof KEYS)[number]['where'], 'focus'>;
type RowOf<W extends Where> = Extract<(typeof KEYS)[number], { where: W }>;
type ShortcutOf<W extends Where> = RowOf<W> extends { keys: infer K } ? (K extends K ? K[keyof K] : never) : never;
/** What each shortcut of a place does; none may be missing. */
export type Shortcuts<W extends Where> = Record<ShortcutOf<W> & string, () => void>;

export type KeyPress = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey'>;

/** Whether a key press belongs to the browser or the system, whatever has the focus: Alt+Left goes back. */
export function isBrowserKey({ altKey, metaKey }: Pick<KeyPress, 'altKey' | 'metaKey'>): boolean {
  return altKey || metaKey;
}

/** The shortcut of a key press, or null. Single characters do nothing while `typing` or without `letterKeys`. */
export function shortcutOf<W extends Where>(
  where: W,
  press: KeyPress,
  typing: boolean,
  letterKeys: boolean,
): keyof Shortcuts<W> | null {
  const { key, ctrlKey } = press;
  if (ctrlKey || isBrowserKey(press) || (key !== 'Escape' && (typing || !letterKeys))) return null;
  const rows = KEYS.filter((row) => row.where === where);
  const found = rows.flatMap((row) => Object.entries<string>(row.keys)).find(([name]) => name === key.toLowerCase());
  return (found?.[1] ?? null) as keyof Shortcuts<W> | null;
}

/** Calls the action of each shortcut that nothing on the page has handled. A dialog keeps its keys. */
export function useShortcuts<W extends Where>(where: W, letterKeys: boolean, actions: Shortcuts<W>): void {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return;
    const typing = isTyping(event.target);
    const shortcut = shortcutOf(where, event, typing, letterKeys);
    if (shortcut === null) return;
    // Esc in a field first leaves the field.
    if (typing) return (event.target as HTMLElement).blur();
    // The browser closes an open menu with Esc.
    if (event.key === 'Escape' && document.querySelector(':popover-open') !== null) return;
    event.preventDefault();
    (actions as Record<string, () => void>)[shortcut]?.();
  };
  const latest = useRef(onKey);
  useEffect(() => {
    latest.current = onKey;
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => latest.current(event);
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, []);
}

/** Whether keys go into the focused element as text, or choose one of its options. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'range', 'button'].includes(target.type);
  return target.isContentEditable || target.matches('textarea, select');
}
