import './menu.css';
import { type ReactNode, useRef } from 'react';

/** A button that opens a small panel of controls below it. It closes with Esc, a click elsewhere, or when focus leaves. */
export function Menu({ name, children }: { name: string; children: ReactNode }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => {
    if (menu.current !== null) menu.current.open = false;
  };
  return (
    <details
      className="tool-menu"
      ref={menu}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (relatedTarget instanceof Node && !currentTarget.contains(relatedTarget)) close();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || menu.current?.open !== true) return;
        // The page would also close its side panel.
        event.stopPropagation();
        close();
        menu.current.querySelector('summary')?.focus();
      }}
    >
      <summary className="button">{name}</summary>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: a press of Enter on the button inside is a click */}
      <div
        className="menu-items card"
        onClick={({ target }) => {
          if (target instanceof Element && target.closest('button, a') !== null) close();
        }}
      >
        {children}
      </div>
      <div className="menu-outside" aria-hidden="true" onPointerDown={close} />
    </details>
  );
}
