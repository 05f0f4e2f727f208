import { useCallback, useLayoutEffect, useState, useSyncExternalStore } from 'react';
import type { Theme } from '../model/address.ts';
import { showTimesIn, TIME_ZONES, type TimeZone } from '../model/format.ts';

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

  /** Stores a choice. */
  set(key: string, value: string): void {
    this.#kept.set(key, value);
    try {
      localStorage.setItem(`goldpinger.${key}`, value);
    } catch {
      // Private windows and full storage: the choice is kept in memory above.
    }
  }
}

/** The choices of a theme. */
export const THEME_CHOICES = ['system', 'light', 'dark'] as const;
/** A choice of a theme; `system` follows the operating system. */
export type ThemeChoice = (typeof THEME_CHOICES)[number];

/** Returns the current theme, the reader's choice, and a setter. Sets `data-theme` on the document. */
export function useTheme(preferences: Preferences): [Theme, ThemeChoice, (choice: ThemeChoice) => void] {
  const [choice, setChoice] = useState<ThemeChoice>(
    () => THEME_CHOICES.find((known) => known === preferences.get('theme')) ?? 'system',
  );
  const systemIsDark = useMedia('(prefers-color-scheme: dark)');
  const theme = choice === 'system' ? (systemIsDark ? 'dark' : 'light') : choice;
  // Also set while rendering, before children read colours for their canvases.
  if (document.documentElement.dataset['theme'] !== theme) document.documentElement.dataset['theme'] = theme;
  useLayoutEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  const choose = (next: ThemeChoice) => {
    preferences.set('theme', next);
    setChoice(next);
  };
  return [theme, choice, choose];
}

/** Returns the zone in which the page shows times, and a setter. */
export function useTimeZone(preferences: Preferences): [TimeZone, (zone: TimeZone) => void] {
  const [zone, setZone] = useState<TimeZone>(
    () => TIME_ZONES.find((known) => known === preferences.get('times')) ?? 'local',
  );
  // Set while rendering, before children write times.
  showTimesIn(zone);
  return [
    zone,
    (next) => {
      preferences.set('times', next);
      setZone(next);
    },
  ];
}

/** Whether a media query matches. */
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
