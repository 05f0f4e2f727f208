import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { placeCard, type Rect } from '../model/heat-layout.ts';

interface CardBesideProps {
  className: string;
  /** What is pointed at, and the bounds of the card, CSS px in the card's parent. */
  at: Rect;
  bounds: Rect;
  children: ReactNode;
}

/** A card beside what is pointed at, never on it. The view tells screen readers the same. */
export function CardBeside({ className, at, bounds, children }: CardBesideProps) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const card = ref.current;
    if (card === null) return;
    const { x, y } = placeCard(at, { width: card.offsetWidth, height: card.offsetHeight }, bounds);
    card.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  });
  return (
    <div className={`card-beside card ${className}`} ref={ref} aria-hidden="true">
      {children}
    </div>
  );
}
