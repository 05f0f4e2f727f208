import { useCallback, useEffect, useRef, useState } from 'react';
import type { Ring } from '../../pure/circle-layout.ts';
import type { Point } from '../../pure/curve.ts';

/** Pods that were dragged: uid to place, in radii of the ring from its centre, so that it survives another size. */
export type Moved = ReadonlyMap<string, Point>;

const KEY = 'goldpinger.graph.moved';
const MOST = 500;
const FARTHEST = 4;
const STORE_MS = 300;

/** Where pods were dragged to, kept for this tab's session (where the browser allows it), and how to move and reset. */
export function useMoved(): { moved: Moved; move: (uid: string, place: Point) => void; reset: () => void } {
  const [moved, setMoved] = useState<Moved>(readMoved);
  const latest = useRef(moved);
  latest.current = moved;
  useEffect(() => {
    // Not with every frame of a drag: storing takes longer than drawing.
    const timer = setTimeout(() => storeMoved(moved), STORE_MS);
    return () => clearTimeout(timer);
  }, [moved]);
  useEffect(() => () => storeMoved(latest.current), []);
  const move = useCallback((uid: string, place: Point) => setMoved((old) => new Map(old).set(uid, place)), []);
  const reset = useCallback(() => setMoved(new Map()), []);
  return { moved, move, reset };
}

/** The places of all pods: on the ring, or where they were dragged to. */
export function placesOf(uids: readonly string[], ring: Ring, moved: Moved): Point[] {
  const unit = ring.radius || 1;
  return uids.map((uid, index) => {
    const place = moved.get(uid);
    if (place !== undefined) return { x: ring.cx + place.x * unit, y: ring.cy + place.y * unit };
    return ring.spots[index] ?? { x: ring.cx, y: ring.cy };
  });
}

/** A point of the stage as a place that `useMoved` keeps. */
export function placeAt(point: Point, ring: Ring): Point {
  const unit = ring.radius || 1;
  const within = (value: number) => Math.min(FARTHEST, Math.max(-FARTHEST, value));
  return { x: within((point.x - ring.cx) / unit), y: within((point.y - ring.cy) / unit) };
}

function storeMoved(moved: Moved): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...moved].slice(-MOST)));
  } catch {
    // No storage in this browser or mode: the places last as long as the view.
  }
}

function readMoved(): Moved {
  const moved = new Map<string, Point>();
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    for (const entry of Array.isArray(stored) ? stored.slice(0, MOST) : []) {
      const [uid, place] = entry as [unknown, Partial<Point> | undefined];
      const [x, y] = [Number(place?.x), Number(place?.y)];
      if (typeof uid === 'string' && Math.abs(x) <= FARTHEST && Math.abs(y) <= FARTHEST) moved.set(uid, { x, y });
    }
  } catch {
    // Nothing stored, or nothing readable.
  }
  return moved;
}
