import { useCallback, useEffect, useState } from 'react';
import { type Address, readAddress, writeAddress } from '../pure/address.ts';

/**
 * The address bar's hash as state. Changing the view or the selection is a step that Back undoes; everything else
 * replaces the present entry.
 */
export function useAddress(): [Address, (change: Partial<Address>) => void] {
  const [address, setAddress] = useState(() => readAddress(location.hash));
  useEffect(() => {
    const read = () => setAddress(readAddress(location.hash));
    addEventListener('hashchange', read);
    addEventListener('popstate', read);
    return () => {
      removeEventListener('hashchange', read);
      removeEventListener('popstate', read);
    };
  }, []);
  const change = useCallback((part: Partial<Address>) => {
    const next = { ...readAddress(location.hash), ...part };
    const hash = writeAddress(next);
    if (hash !== location.hash) {
      if ('view' in part || 'selection' in part) history.pushState(null, '', hash);
      else history.replaceState(null, '', hash);
    }
    setAddress(next);
  }, []);
  return [address, change];
}
