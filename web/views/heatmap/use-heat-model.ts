import { useMemo, useState } from 'react';
import type { Size } from '../../components/use-size.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { type AxisStates, axisStatesOf } from '../../model/axis-states.ts';
import { fitsNames, type HeatLayout, layoutHeatmap, type NameChoice } from '../../model/heat-layout.ts';
import { FONT } from '../../model/label-layout.ts';
import { podsWithLinks, shownLinks, statesOf } from '../../model/link-filter.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { shownName } from '../../model/names.ts';
import { type Arrangement, effectiveGroup, KeptOrder } from '../../model/order.ts';
import { CALLOUT_FOOT, CALLOUT_WIDTH, type Callout, callouts, MIN_CALLOUT_WIDTH } from './callouts.ts';

/** What the heatmap shows and where, worked out from props and size. */
export interface HeatModel {
  /** The picture, with the state `HIDDEN` for links that the filter hides. */
  shown: Picture;
  axisStates: AxisStates;
  arrangement: Arrangement;
  layout: HeatLayout;
  callouts: Callout[];
  /** Grouping of the axes: the reader's choice, or automatic if names do not fit. */
  group: ViewProps['group'];
  /** Callouts are to the right of the cells; otherwise in a list below. */
  calloutsBeside: boolean;
  order: KeptOrder;
}

/** From this width on the cells leave room for callouts beside them, CSS px. */
const BESIDE_FROM = 820;
/** On a smaller width they do if there are so few that each still has this size, CSS px. */
const BESIDE_PITCH = 56;
/** Font for measuring names, and maximum width of a name, CSS px. */
const NAME_FONT = `600 14px ${FONT}`;
const MAX_NAME_WIDTH = 260;

export function useHeatModel(props: ViewProps, size: Size, fit: boolean, names: NameChoice): HeatModel {
  const { picture, order, filter, narrow } = props;
  const [kept] = useState(() => new KeptOrder());
  const axisStates = useMemo(() => axisStatesOf(picture), [picture]);
  const shown = useMemo(() => shownLinks(picture, filter), [picture, filter]);
  const withLinks = useMemo(() => (shown === picture ? null : podsWithLinks(shown)), [shown, picture]);
  const widths = useNameWidths(picture, names);
  const height = narrow ? Math.max(320, size.width * 1.6) : size.height - CALLOUT_FOOT;
  const space = { height, dpr: size.dpr, narrow, fit, names, ...widths };
  const isWide = size.width >= BESIDE_FROM;
  const part = { ...space, width: Math.max(0, size.width - (isWide ? CALLOUT_WIDTH : MIN_CALLOUT_WIDTH)) };
  // The height does not count: callouts below the cells make it smaller, so the choice would change to and fro.
  const unlimited = { ...part, height: Number.POSITIVE_INFINITY, n: picture.n, groups: [] };
  const beside = !narrow && (isWide || layoutHeatmap(unlimited).pitch >= BESIDE_PITCH);
  const room = beside ? part : { ...space, width: Math.max(0, size.width - 8) };
  const namesFit = size.width === 0 || fitsNames({ ...room, n: picture.n, groups: [] });
  const group = effectiveGroup(picture, order, props.group, namesFit);
  const arrangement = kept.arrange(picture, { order, group, filter, shown: withLinks });
  const request = { ...room, n: arrangement.pods.length, groups: arrangement.groups };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the values of the request, which is made anew
  const layout = useMemo(() => layoutHeatmap(request), Object.values(request));
  const found = useMemo(
    () => callouts(picture, axisStates, arrangement, statesOf(filter)),
    [picture, axisStates, arrangement, filter],
  );
  return { shown, axisStates, arrangement, layout, callouts: found, group, calloutsBeside: beside, order: kept };
}

/** Widths of the longest names, CSS px. Only names with the most letters are measured, because measuring is slow. */
function useNameWidths({ mesh, pods }: Picture, names: NameChoice) {
  const [context] = useState(() => document.createElement('canvas').getContext('2d'));
  const width = (names: string[]) => {
    if (context === null) return 100;
    context.font = NAME_FONT;
    const longest = [...new Set(names)].sort((a, b) => b.length - a.length).slice(0, 5);
    const most = Math.max(0, ...longest.map((name) => context.measureText(name).width));
    return Math.ceil(most) + 2;
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: names and labels change only with the pods and that setting
  return useMemo(() => {
    const full = width(pods.map(({ name }) => name));
    return {
      // Full names that would have to be cut are used only if the reader wants them: short names fit completely.
      fullWidth: full <= MAX_NAME_WIDTH ? full : names === 'full' ? MAX_NAME_WIDTH : Number.POSITIVE_INFINITY,
      shortWidth: Math.min(MAX_NAME_WIDTH, width(pods.map(({ label }) => label))),
      groupWidth: Math.min(120, width(pods.flatMap(({ pod }) => [shownName(pod.node), shownName(pod.zone)]))),
    };
  }, [mesh.pods, mesh.settings.displayNodeName, names, context]);
}
