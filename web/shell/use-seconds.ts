import { useEffect, useState } from 'react';

/** Renders again every `everyMs`, for what counts seconds; gives the time of the page, ms, monotonic. */
export function useSeconds(everyMs: number): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
