import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { type Address, boundedUnfolded, readAddress, type Selection, writeAddress } from '../model/address.ts';

/** Minimum time between two changes of the URL, ms. Safari allows 100 in 30 s, and dragging a threshold makes more. */
const MIN_INTERVAL_MS = 350;

/**
 * The hash of the URL as state. Changing the view or the selection, or opening the comparison, adds a history entry; other
 * changes replace the current entry, delayed if they follow each other quickly.
 */
export function useAddress(): [Address, (change: Partial<Address>) => void] {
  const [address, setAddress] = useState(() => readAddress(location.hash));
  const latest = useRef(address);
  const timer = useRef(0);
  const pending = useRef<(() => void) | null>(null);
  const writtenMs = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const read = () => {
      clearTimeout(timer.current);
      pending.current = null;
      latest.current = readAddress(location.hash);
      setAddress(latest.current);
    };
    const leave = () => pending.current?.();
    addEventListener('hashchange', read);
    addEventListener('popstate', read);
    // Writes a pending change, so that a reload shows the last choice.
    addEventListener('pagehide', leave);
    return () => {
      clearTimeout(timer.current);
      removeEventListener('pagehide', leave);
      removeEventListener('hashchange', read);
      removeEventListener('popstate', read);
    };
  }, []);
  const change = useCallback((part: Partial<Address>) => {
    const isStep = 'view' in part || 'selection' in part || part.compare === true;
    // A pending change belongs to the history entry before this step.
    if (isStep) pending.current?.();
    latest.current = { ...latest.current, ...part };
    // What is shown unfolded is what a reload shows.
    if (part.unfolded !== undefined) latest.current.unfolded = boundedUnfolded(part.unfolded);
    setAddress(latest.current);
    clearTimeout(timer.current);
    const write = () => {
      pending.current = null;
      const hash = writeAddress(latest.current);
      if (hash === location.hash) return;
      writtenMs.current = performance.now();
      if (isStep) history.pushState(null, '', hash);
      else history.replaceState(null, '', hash);
    };
    const waitMs = writtenMs.current + MIN_INTERVAL_MS - performance.now();
    if (isStep || waitMs <= 0) write();
    else {
      pending.current = write;
      timer.current = window.setTimeout(write, waitMs);
    }
  }, []);
  return [address, change];
}

/**
 * Functions to select and close, with focus handling: focus moves to the panel when the reader selects (not when the URL
 * does, such as by Back), and back when the panel closes. `shown`: the selection of the address. `more`: other changes in the
 * same history entry.
 */
export function useSelection(
  shown: Selection,
  change: (part: Partial<Address>) => void,
  main: RefObject<HTMLElement | null>,
) {
  const origin = useRef<HTMLElement | SVGElement | null>(null);
  /** What the reader selected last. The same selection from the URL is another object. */
  const [selected, setSelected] = useState<Selection>(null);
  const select = useCallback(
    (selection: Selection, more: Partial<Address> = {}) => {
      const active = document.activeElement;
      // A pod in the graph is an SVG element.
      const isPlace = active instanceof HTMLElement || active instanceof SVGElement;
      if (isPlace && active.closest('.is-selection') === null) origin.current = active;
      setSelected(selection);
      change({ ...more, selection });
    },
    [change],
  );
  const close = useCallback(
    (selection: Selection, more: Partial<Address> = {}) => {
      if (selection === null) return;
      change({ ...more, selection: null });
      setSelected(null);
      const back = origin.current;
      if (back?.isConnected === true && back !== document.body) back.focus();
      else main.current?.focus();
    },
    [change, main],
  );
  return { select, close, takeFocus: shown !== null && shown === selected };
}
