import type { ReactNode } from 'react';
import './table-frame.css';

/** The frame of a view's table, which scrolls by keyboard too, with caption and note. `children`: head and body. */
export function TableFrame({
  caption,
  note,
  action,
  children,
}: {
  caption: string;
  note?: string | undefined;
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

/** The column by which a table is sorted, and whether the least comes first. */
export interface Sort<Column extends string> {
  column: Column;
  up: boolean;
}

interface SortHeadProps<Column extends string> {
  column: Column;
  title: string;
  sort: Sort<Column>;
  onSort(sort: Sort<Column>): void;
  /** The order after the first press; a second press reverses it. */
  startsUp?: boolean;
  isNumber?: boolean;
}

export function SortHead<Column extends string>({
  column,
  title,
  sort,
  onSort,
  startsUp = true,
  isNumber = false,
}: SortHeadProps<Column>) {
  const isOn = column === sort.column;
  return (
    <th
      scope="col"
      className={isNumber ? 'number' : undefined}
      aria-sort={isOn ? (sort.up ? 'ascending' : 'descending') : undefined}
    >
      <button
        type="button"
        className="table-button bare"
        onClick={() => onSort({ column, up: isOn ? !sort.up : startsUp })}
      >
        {title}
        <span aria-hidden="true">{!isOn ? '' : sort.up ? '▲' : '▼'}</span>
      </button>
    </th>
  );
}
