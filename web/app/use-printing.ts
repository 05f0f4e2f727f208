import { type RefObject, useEffect, useState } from 'react';
import { flushSync } from 'react-dom';

/** What A4 and Letter, both landscape, have in common inside the margins of `@page` in app.css, CSS px. */
const SHEET = { width: 978, height: 718 };
/** The width of the findings beside the view, CSS px. */
const FINDINGS_WIDTH = 340;
/** The map and the table of a comparison stand side by side on paper, in at least this width, CSS px. */
const COMPARISON_WIDTH = 960;
/** How much of the sheet's height is used: lines are a little higher on paper. What wraps on a phone wraps elsewhere on paper. */
const USED_HEIGHT = { wide: 0.95, narrow: 0.85 };
/** What is drawn for its size: the browser prints before it could be drawn anew. */
const DRAWN = '.graph-stage, .heat-frame, .change-frame';

/**
 * Whether the page is being printed. Meanwhile its layout is as wide as on the screen, pictures keep their size, and
 * `--paper-zoom` scales all of it to one sheet; a long table, which would be less than half as large on one sheet, only to its
 * width.
 */
export function usePrinting(page: RefObject<HTMLElement | null>): boolean {
  const [isPrinting, setIsPrinting] = useState(false);
  useEffect(() => {
    const onBefore = () => {
      const element = page.current;
      if (element === null) return;
      const sizes = [...element.querySelectorAll<HTMLElement>(`.view, ${DRAWN}`)].map(
        (each) => [each, each.getBoundingClientRect()] as const,
      );
      const isComparison = element.querySelector('.compare') !== null;
      const viewWidth = Math.max(sizes[0]?.[1].width ?? 0, isComparison ? COMPARISON_WIDTH : 0);
      const width = Math.max(element.getBoundingClientRect().width, viewWidth + FINDINGS_WIDTH);
      element.style.width = `${width}px`;
      for (const [each, size] of sizes) {
        const isDrawn = each.matches(DRAWN);
        each.style.width = `${isDrawn ? size.width : viewWidth}px`;
        if (isDrawn) each.style.height = `${size.height}px`;
      }
      // The browser takes the page as it is after this event.
      flushSync(() => setIsPrinting(true));
      const byWidth = Math.min(1, SHEET.width / width);
      const used = innerWidth < 1100 ? USED_HEIGHT.narrow : USED_HEIGHT.wide;
      const byHeight = (used * SHEET.height) / element.getBoundingClientRect().height;
      const zoom = byHeight < byWidth / 2 ? byWidth : Math.min(byWidth, byHeight);
      element.style.setProperty('--paper-zoom', String(zoom));
    };
    const onAfter = () => {
      for (const each of [page.current, ...(page.current?.querySelectorAll<HTMLElement>(`.view, ${DRAWN}`) ?? [])])
        each?.removeAttribute('style');
      setIsPrinting(false);
    };
    addEventListener('beforeprint', onBefore);
    addEventListener('afterprint', onAfter);
    return () => {
      removeEventListener('beforeprint', onBefore);
      removeEventListener('afterprint', onAfter);
    };
  }, [page]);
  return isPrinting;
}
