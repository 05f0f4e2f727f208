import { useEffect, useState } from 'react';
import type { Clock } from '../../server/runtime/clock.ts';
import { Announcer } from '../data/announcer.ts';
import { type PageStatus, tabIcon, tabTitle } from '../pure/changes.ts';

/** Updates title and icon of the tab, and returns the newest sentence for the live region. */
export function useAnnouncement(status: PageStatus, clock: Clock): string {
  const [sentence, setSentence] = useState('');
  const [announcer] = useState(() => new Announcer(clock, setSentence));
  const key = JSON.stringify(status);
  useEffect(() => {
    const now: PageStatus = JSON.parse(key);
    document.title = tabTitle(now);
    setIcon(tabIcon(now));
    announcer.update(now);
  }, [key, announcer]);
  useEffect(() => () => announcer.stop(), [announcer]);
  return sentence;
}

function setIcon(svg: string): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link !== null) link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
