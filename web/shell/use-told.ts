import { useEffect, useState } from 'react';
import type { Clock } from '../../server/runtime/clock.ts';
import { Announcer } from '../data/announcer.ts';
import { type Told, tabIcon, tabTitle } from '../pure/changes.ts';

/** Keeps the tab's title and icon at what `told` says, and gives the newest sentence on what changed for the live region. */
export function useTold(told: Told, clock: Clock): string {
  const [sentence, setSentence] = useState('');
  const [announcer] = useState(() => new Announcer(clock, setSentence));
  const key = JSON.stringify(told);
  useEffect(() => {
    const now: Told = JSON.parse(key);
    document.title = tabTitle(now);
    setIcon(tabIcon(now));
    announcer.tell(now);
  }, [key, announcer]);
  useEffect(() => () => announcer.stop(), [announcer]);
  return sentence;
}

function setIcon(svg: string): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link !== null) link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
