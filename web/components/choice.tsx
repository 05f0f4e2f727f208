import type { ReactNode } from 'react';

interface ChoiceProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  disabled?: boolean;
  /** The options. */
  children: ReactNode;
}

/** A select with a label before it. */
export function Choice({ label, value, onChange, disabled = false, children }: ChoiceProps) {
  return (
    <label className="choice" data-disabled={disabled}>
      <span>{label}</span>
      <select value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
        {children}
      </select>
    </label>
  );
}
