import { useLayoutEffect, useState } from 'react';
import type { Preferences } from '../data/preferences.ts';
import type { Theme } from '../pure/address.ts';
import { useMedia } from './use-media.ts';

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
