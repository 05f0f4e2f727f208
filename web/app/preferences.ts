import { useCallback, useLayoutEffect, useState, useSyncExternalStore } from 'react';
import type { Theme } from '../model/address.ts';

/** Choices of the reader, kept in this browser. Without storage a choice lasts as long as the page. */
export class Preferences {
  readonly #kept = new Map<string, string>();

  /** The stored choice for `key`; '' = none. */
  get(key: string): string {
    try {
      return this.#kept.get(key) ?? localStorage.getItem(`goldpinger.${key}`) ?? '';
    } catch {
      return '';
    }
  }

  set(key: string, value: string): void {
    this.#kept.set(key, value);
    try {
      localStorage.setItem(`goldpinger.${key}`, value);
    } catch {
      // Private windows and full storage: the choice is kept in memory above.
    }
  }
}

export const THEME_CHOICES = ['system', 'light', 'dark'] as const;
/** A choice of a theme; `system` follows the operating system. */
type ThemeChoice = (typeof THEME_CHOICES)[number];

/** Whose names labels show: as DISPLAY_NODENAME says, or as the reader chose. */
export const NAME_CHOICES = ['', 'pod', 'node'] as const;

/** A choice that is kept in this browser, and its setter. The first of `choices` is the default. */
export function usePreference<T extends string>(
  preferences: Preferences,
  key: string,
  choices: readonly [T, ...T[]],
): [T, (choice: T) => void] {
  const [choice, setChoice] = useState<T>(() => choices.find((known) => known === preferences.get(key)) ?? choices[0]);
  const choose = (next: T) => {
    preferences.set(key, next);
    setChoice(next);
  };
  return [choice, choose];
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
