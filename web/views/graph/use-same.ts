import { useRef } from 'react';

/** The same object as long as its JSON is the same, so that what depends on it is not worked out again. */
export function useSame<T>(value: T): T {
  const kept = useRef({ given: value, value, json: '' });
  const { current } = kept;
  if (current.json === '' || current.given !== value) {
    const json = JSON.stringify(value);
    kept.current = { given: value, value: json === current.json ? current.value : value, json };
  }
  return kept.current.value;
}
