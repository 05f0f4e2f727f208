import { type RefObject, useLayoutEffect, useState } from 'react';

/** Size of an element in CSS px, and device px per CSS px. */
export interface Size {
  width: number;
  height: number;
  dpr: number;
}

export function useSize(ref: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0, dpr: 1 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const measure = () => {
      // The element is hidden while the table is shown. Its last size still holds.
      if (element.clientWidth === 0) return;
      const next = { width: element.clientWidth, height: element.clientHeight, dpr: window.devicePixelRatio || 1 };
      setSize((now) => (now.width === next.width && now.height === next.height && now.dpr === next.dpr ? now : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    // The page was zoomed or moved to another screen.
    window.addEventListener('resize', measure);
    return () => {
      observer.disconnect();
      window.removeEventListener('resize', measure);
    };
  }, [ref]);
  return size;
}
