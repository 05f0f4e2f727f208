import { useEffect, useState } from 'react';

/** Re-renders every `everyMs`. Returns the monotonic time, ms. */
export function useSeconds(everyMs: number): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
