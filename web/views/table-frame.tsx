import type { ReactNode } from 'react';
import './table-frame.css';

/**
 * The frame of a view's text alternative: scrolls in both directions, by keyboard too, with its caption and a note
 * (e.g. how many of all lines are shown) above. `children` are `<thead>` and `<tbody>`.
 */
export function TableFrame({ caption, note, children }: { caption: string; note?: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="table-frame" aria-label={caption} tabIndex={0}>
      <table>
        <caption>
          {caption}
          {note === undefined ? null : <span className="table-note"> {note}</span>}
        </caption>
        {children}
      </table>
    </section>
  );
}
