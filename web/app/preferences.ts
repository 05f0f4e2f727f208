import { useCallback, useLayoutEffect, useState, useSyncExternalStore } from 'react';
import type { Theme } from '../model/address.ts';

export const THEME_CHOICES = ['system', 'light', 'dark'] as const;
type ThemeChoice = (typeof THEME_CHOICES)[number];

/** Whose names labels show: as DISPLAY_NODENAME says, or as the reader chose. */
export const NAME_CHOICES = ['', 'pod', 'node'] as const;

/** The choices of this visit by key: without storage (a private window, or it is full) they last as long as the page. */
export type Chosen = Map<string, string>;

/** A choice that is kept in this browser, and its setter. The first of `choices` is the default. */
export function usePreference<T extends string>(
  chosen: Chosen,
  key: string,
  choices: readonly [T, ...T[]],
): [T, (choice: T) => void] {
  const [choice, setChoice] = useState<T>(() => {
    const kept = chosen.get(key) ?? stored(key);
    return choices.find((known) => known === kept) ?? choices[0];
  });
  const choose = (next: T) => {
    chosen.set(key, next);
    try {
      localStorage.setItem(`goldpinger.${key}`, next);
    } catch {
      // See `Chosen`.
    }
    setChoice(next);
  };
  return [choice, choose];
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(`goldpinger.${key}`);
  } catch {
    return null;
  }
}

/** Returns the theme of a choice. Sets `data-theme` on the document. */
export function useTheme(choice: ThemeChoice): Theme {
  const systemIsDark = useMedia('(prefers-color-scheme: dark)');
  const theme = choice === 'system' ? (systemIsDark ? 'dark' : 'light') : choice;
  // Also set while rendering, before children read colours for their canvases.
  if (document.documentElement.dataset['theme'] !== theme) document.documentElement.dataset['theme'] = theme;
  useLayoutEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return theme;
}

export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = matchMedia(query);
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}
