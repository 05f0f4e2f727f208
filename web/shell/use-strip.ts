import { useState } from 'react';
import type { Picture } from '../pure/picture.ts';
import { type StripPoint, withPicture } from '../pure/strip.ts';

/** What this page has seen of failed and slow links; grows with every picture, within bounds. */
export function useStrip(picture: Picture | null): readonly StripPoint[] {
  // Kept beside the state: as state of its own, every picture would have the whole page rendered twice.
  const [seen] = useState<{ picture: Picture | null; points: readonly StripPoint[] }>(() => ({
    picture: null,
    points: [],
  }));
  if (picture !== null && picture !== seen.picture) {
    seen.picture = picture;
    seen.points = withPicture(seen.points, picture);
  }
  return seen.points;
}
