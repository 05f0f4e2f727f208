import { useCallback, useEffect, useState } from 'react';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { Ring } from '../../model/ring-layout.ts';
import type { Point } from './geometry.ts';

/** Places of dragged pods by uid, relative to the centre in units of the ring's radii, so that they survive a resize. */
export type Moved = ReadonlyMap<string, Point>;

const KEY = 'goldpinger.graph.moved';
/** At most so many places are stored: storage is limited, and pods come and go. */
const MOST = 500;

/** Places of dragged pods, kept in session storage if the browser allows it, and functions to move and reset. */
export function useMoved(): { moved: Moved; move: (uid: string, place: Point) => void; reset: () => void } {
  const [moved, setMoved] = useState<Moved>(readMoved);
  useEffect(() => {
    try {
      sessionStorage.setItem(KEY, JSON.stringify([...moved].slice(-MOST)));
    } catch {
      // Without storage the places last as long as the view.
    }
  }, [moved]);
  const move = useCallback((uid: string, place: Point) => setMoved((old) => new Map(old).set(uid, place)), []);
  const reset = useCallback(() => setMoved(new Map()), []);
  return { moved, move, reset };
}

export function placesOf(pods: readonly Pick<Pod, 'uid'>[], ring: Ring, moved: Moved): Point[] {
  return pods.map(({ uid }, index) => {
    const place = moved.get(uid);
    if (place !== undefined) return { x: ring.cx + place.x * (ring.rx || 1), y: ring.cy + place.y * (ring.ry || 1) };
    return ring.spots[index] ?? { x: ring.cx, y: ring.cy };
  });
}

export function placeAt(point: Point, ring: Ring): Point {
  return { x: (point.x - ring.cx) / (ring.rx || 1), y: (point.y - ring.cy) / (ring.ry || 1) };
}

function readMoved(): Moved {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as [string, Point][]);
  } catch {
    // Nothing readable is stored.
    return new Map();
  }
}
