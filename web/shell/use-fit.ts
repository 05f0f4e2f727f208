import { type RefObject, useLayoutEffect, useState } from 'react';

/**
 * The number of steps (0 to `most`) by which the texts in an element must be shortened to fit its width and height. It is
 * found by trying before anything is painted, again when the width or `content` (the full texts) changes. Changed digits
 * are ignored, because all digits have the same width.
 */
export function useFit(ref: RefObject<HTMLElement | null>, content: string, most: number): number {
  const [width, setWidth] = useState(0);
  const [fit, setFit] = useState({ key: '', steps: 0 });
  const key = `${width} ${content.replace(/\d/g, '0')}`;
  const steps = fit.key === key ? fit.steps : 0;
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
    if (steps < most && (scrollWidth > clientWidth || scrollHeight > clientHeight)) setFit({ key, steps: steps + 1 });
  }, [ref, key, steps, most]);
  return steps;
}
