import { useState } from 'react';
import type { Picture } from '../pure/picture.ts';
import { type StripPoint, withPicture } from '../pure/strip.ts';

/** The numbers of failed and slow links that this page has received. Bounded. */
export function useStrip(picture: Picture | null): readonly StripPoint[] {
  // Mutated in place, because setting state would render the whole page twice per update.
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
