import { type ReactNode, useEffect, useState } from 'react';

interface LateProps<Part> {
  /** Loads the part: a function that stays the same. */
  load(): Promise<Part>;
  children(part: Part): ReactNode;
}

/**
 * A view whose code comes when it is first shown. Where that fails (the connection is lost, or a pod of another version
 * answers) it says so; React's `lazy` would end the whole page instead. Browsers remember that a script did not come
 * (HTML standard, module map), so only a new page can have it.
 */
export function Late<Part>({ load, children }: LateProps<Part>) {
  // With what it was loaded by: another view may take this one's place.
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
  if (failed !== load) return null;
  return (
    <p role="status" className="late">
      This view could not be loaded: the connection was lost, or the server has another version by now.{' '}
      <button type="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    </p>
  );
}
