import { type ReactNode, useEffect, useRef } from 'react';
import { Icon } from './icons.tsx';
import './side-panel.css';

interface SelectionPanelProps {
  /** Identifies the selection. Focus moves to the panel when it changes, unless the URL selected it. */
  selectionKey: string;
  takeFocus: boolean;
  onClose(): void;
  children: ReactNode;
}

/** The side panel of a selected link or pod: beside the view, over it below 1100 px, a sheet below 640 px. Its heading has the id `panel-title`. */
export function SelectionPanel({ selectionKey, takeFocus, onClose, children }: SelectionPanelProps) {
  const frame = useRef<HTMLElement>(null);
  useEffect(() => {
    if (takeFocus && selectionKey !== '') frame.current?.focus({ preventScroll: true });
  }, [selectionKey, takeFocus]);
  return (
    <aside className="side-panel is-selection" ref={frame} tabIndex={-1} aria-labelledby="panel-title">
      <button type="button" className="quiet panel-close" aria-label="Close" onClick={onClose}>
        <Icon name="cross" />
      </button>
      {children}
    </aside>
  );
}

interface ViewPanelProps {
  onSlot(slot: HTMLElement | null): void;
  /** A selection uses the side panel. */
  hidden?: boolean;
}

/** The side panel that a view fills with a portal. `onSlot` gets its element. */
export function ViewPanel({ onSlot, hidden = false }: ViewPanelProps) {
  return <aside className="side-panel" aria-label="Legend and settings" ref={onSlot} hidden={hidden} />;
}
