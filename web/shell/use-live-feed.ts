import { useEffect } from 'react';
import type { LiveFeed } from '../data/live-feed.ts';

/** Connected while the page is open; a page that comes back from the browser's cache connects anew. */
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
