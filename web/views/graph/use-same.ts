import { useRef } from 'react';

/** The same object as long as its JSON is the same, so that what depends on it is not worked out again. */
export function useSame<T>(value: T): T {
  const json = JSON.stringify(value);
  const kept = useRef({ value, json });
  if (json !== kept.current.json) kept.current = { value, json };
  return kept.current.value;
}
