import { type RefObject, useLayoutEffect, useState } from 'react';

/**
 * How many steps shorter the words in an element must be to fit its width, and its height where
 * they wrap: 0 to `most`, found by trying before
 * anything is painted. Tried again when the width changes or `content`, the words at full length; digits are alike in
 * width, so figures that merely count do not matter.
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
