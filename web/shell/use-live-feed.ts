import { useEffect } from 'react';
import type { LiveFeed } from '../data/live-feed.ts';

/** Connects while the page is open, and reconnects when the browser restores it from its cache. */
export function useLiveFeed(feed: LiveFeed, windowMs: number): void {
  useEffect(() => {
    const start = () => feed.start(windowMs);
    const onShow = (event: PageTransitionEvent) => event.persisted && start();
    const onHide = () => feed.stop();
    start();
    addEventListener('pageshow', onShow);
    addEventListener('pagehide', onHide);
    return () => {
      removeEventListener('pageshow', onShow);
      removeEventListener('pagehide', onHide);
    };
  }, [feed, windowMs]);
}
