import { useEffect, useRef, useState } from 'react';
import { changeSentence, type Told, tabIcon, tabTitle } from '../pure/changes.ts';

/** At most one sentence in this time: more would drown what a screen reader is reading. */
const PAUSE_MS = 5_000;

/**
 * Keeps the tab's title and icon at what `told` says, and gives the newest sentence on what changed for the live
 * region. Changes within 5 s of the last sentence are told together.
 */
export function useTold(told: Told): string {
  const [sentence, setSentence] = useState('');
  const before = useRef<Told | null>(null);
  const spokenMs = useRef(Number.NEGATIVE_INFINITY);
  const key = JSON.stringify(told);
  useEffect(() => {
    const now: Told = JSON.parse(key);
    document.title = tabTitle(now);
    setIcon(tabIcon(now));
    if (now.status === 'connecting') return;
    const old = before.current;
    if (old === null) {
      before.current = now;
      return;
    }
    const speak = () => {
      const text = changeSentence(old, now);
      before.current = now;
      if (text === '') return;
      spokenMs.current = performance.now();
      setSentence(text);
    };
    const waitMs = spokenMs.current + PAUSE_MS - performance.now();
    if (waitMs <= 0) {
      speak();
      return;
    }
    const timer = setTimeout(speak, waitMs);
    return () => clearTimeout(timer);
  }, [key]);
  return sentence;
}

function setIcon(svg: string): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link !== null) link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
