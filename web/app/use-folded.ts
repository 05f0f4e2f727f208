import { useEffect, useMemo, useState } from 'react';
import type { ViewProps } from '../components/view-props.ts';
import type { LiveFeed } from '../data/live-feed.ts';
import type { Address } from '../model/address.ts';
import { foldPicture, foldSelection, KeptFolding, unfoldSelection } from '../model/levels.ts';

/** The props of a view at the chosen level. Panels show pods and links, so they get the props that this gets. */
export function useFolded(
  props: ViewProps | null,
  { level: wanted, unfolded, only, filter }: Pick<Address, 'level' | 'unfolded' | 'only' | 'filter'>,
  change: (part: Partial<Address>) => void,
  feed: Pick<LiveFeed, 'fold'>,
): ViewProps | null {
  const [kept] = useState(() => new KeptFolding());
  const picture = props?.picture ?? null;
  // Groups do not show single late links.
  const asksForLate = only === 'warning' || /state:\S*warning/.test(filter);
  const level = wanted === 'auto' && asksForLate ? 'pod' : wanted;
  const folding = useMemo(
    () => (picture === null ? null : kept.choose(picture, level, unfolded)),
    [picture, kept, level, unfolded],
  );
  // The worker folds the next mesh in the same way, so that this thread only draws.
  useEffect(() => {
    if (folding !== null) feed.fold(folding);
  }, [feed, folding]);
  const folded = useMemo(
    () => (picture === null || folding === null ? null : foldPicture(picture, folding)),
    [picture, folding],
  );
  if (props === null || folded === null) return null;
  const { onSelect } = props;
  const onUnfold = (...keys: string[]) => change({ unfolded: [...unfolded, ...keys] });
  return {
    ...props,
    picture: folded,
    selection: foldSelection(folded, props.selection),
    onUnfold,
    onFold: (key) => {
      const { fold } = folded;
      // From now on the reader decides: otherwise `auto` would unfold the group again.
      if (fold !== null) change({ level: fold.level, unfolded: fold.unfolded.filter((other) => other !== key) });
    },
    onSelect: (selection) => {
      const target = unfoldSelection(folded, selection);
      if (target !== null && 'unfold' in target) onUnfold(target.unfold);
      else onSelect(target);
    },
  };
}
