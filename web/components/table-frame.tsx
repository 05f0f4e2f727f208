import type { ReactNode } from 'react';
import './table-frame.css';

/**
 * The frame of a view's table. It scrolls in both directions, also by keyboard, and has a caption with a note (for
 * example how many of all rows are shown). `children`: `<thead>` and `<tbody>`.
 */
export function TableFrame({
  caption,
  note,
  action,
  children,
}: {
  caption: string;
  note?: string | undefined;
  /** A button after caption and note. */
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="table-frame" aria-label={caption} tabIndex={0}>
      <table>
        <caption>
          {caption}
          {note === undefined ? null : <span className="table-note"> {note}</span>} {action}
        </caption>
        {children}
      </table>
    </section>
  );
}
