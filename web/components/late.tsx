import { type ReactNode, useEffect, useState } from 'react';

interface LateProps<Part> {
  /** Loads the part. Must never change. */
  load(): Promise<Part>;
  children(part: Part): ReactNode;
  waiting?: ReactNode;
}

/**
 * A view whose code is loaded when it is first shown. If that fails (no connection, or a pod with another version answers)
 * it shows a message, where React's `lazy` would end the whole page. Browsers do not retry a failed script (HTML standard,
 * module map), so the page must be reloaded.
 */
export function Late<Part>({ load, children, waiting = null }: LateProps<Part>) {
  // Stored with its loader, because another view may replace this one.
  const [part, setPart] = useState<{ by: typeof load; is: Part } | null>(null);
  const [failed, setFailed] = useState<typeof load | null>(null);
  useEffect(() => {
    let isOver = false;
    load().then(
      (is) => isOver || setPart({ by: load, is }),
      () => isOver || setFailed(() => load),
    );
    return () => {
      isOver = true;
    };
  }, [load]);
  if (part?.by === load) return children(part.is);
  if (failed !== load) return waiting;
  return (
    <p role="status" className="late">
      This view could not be loaded: the connection was lost, or the server has another version by now.{' '}
      <button type="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    </p>
  );
}
