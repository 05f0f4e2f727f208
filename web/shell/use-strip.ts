import { useEffect, useState } from 'react';
import type { Picture } from '../pure/picture.ts';
import { type StripPoint, withPicture } from '../pure/strip.ts';

/** What this page has seen of failed and slow links; grows with every picture, within bounds. */
export function useStrip(picture: Picture | null): readonly StripPoint[] {
  const [points, setPoints] = useState<readonly StripPoint[]>([]);
  useEffect(() => {
    if (picture !== null) setPoints((known) => withPicture(known, picture));
  }, [picture]);
  return points;
}
