export function Sign() {
  return (
    <svg className="sign" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="14.5" />
      <circle cx="16" cy="16" r="9.5" />
      <circle cx="16" cy="16" r="4.5" className="sign-core" />
    </svg>
  );
}

const PATHS = {
  cross: 'M6 6L18 18M18 6L6 18',
  bars: 'M5 9.5H19M5 14.5H19',
  drop: 'M12 4C15.5 8.7 17.5 11.8 17.5 14.7A5.5 5.5 0 0 1 6.5 14.7C6.5 11.8 8.5 8.7 12 4Z',
  cloud: 'M7 18A4 4 0 0 1 6.6 10A5.5 5.5 0 0 1 17 9A4.5 4.5 0 0 1 17 18Z',
  question: 'M9 9A3 3 0 1 1 13.4 11.6Q12 12.5 12 14.2M12 17.6V17.7',
  wave: 'M4 13C6 9 8 9 10.5 12S15.5 16 20 11',
  dots: 'M5 12V12.01M12 12V12.01M19 12V12.01',
  clock: 'M12 3.5A8.5 8.5 0 1 1 11.99 3.5M12 7.5V12L15 14',
  flag: 'M7 20V5H17L14.5 8.5L17 12H7',
  menu: 'M4 7H20M4 12H20M4 17H20',
} as const;

/** A stroke icon, 20 px; words beside it or an aria-label on its button say what it means. */
export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
