import { type RefObject, useCallback, useRef, useState } from 'react';
import type { Address, Selection } from '../pure/address.ts';

/**
 * Functions to select and close, with focus handling: focus moves to the panel when the reader selects (not when the URL
 * does), and back when the panel closes. `more`: other changes in the same history entry.
 */
export function useSelection(change: (part: Partial<Address>) => void, main: RefObject<HTMLElement | null>) {
  const origin = useRef<HTMLElement | SVGElement | null>(null);
  const [takeFocus, setTakeFocus] = useState(false);
  const select = useCallback(
    (selection: Selection, more: Partial<Address> = {}) => {
      const active = document.activeElement;
      // A pod in the graph is an SVG element.
      const isPlace = active instanceof HTMLElement || active instanceof SVGElement;
      if (isPlace && active.closest('.is-selection') === null) origin.current = active;
      setTakeFocus(selection !== null);
      change({ ...more, selection });
    },
    [change],
  );
  const close = useCallback(
    (selection: Selection, more: Partial<Address> = {}) => {
      if (selection === null) return;
      change({ ...more, selection: null });
      setTakeFocus(false);
      const back = origin.current;
      if (back?.isConnected === true && back !== document.body) back.focus();
      else main.current?.focus();
    },
    [change, main],
  );
  return { select, close, takeFocus };
}
