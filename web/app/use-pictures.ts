import { useEffect, useMemo, useRef, useState } from 'react';
import type { Finding } from '../../server/protocol/finding.ts';
import type { Thresholds } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { NewestOnly } from '../components/newest-only.ts';
import type { ViewProps } from '../components/view-props.ts';
import type { LiveFeed } from '../data/live-feed.ts';
import { type Address, DEFAULT_ADDRESS, shownValue } from '../model/address.ts';
import type { PictureOptions } from '../model/cells.ts';
import { withoutFaster } from '../model/findings.ts';
import { foldPicture, foldSelection, KeptFolding, unfoldSelection } from '../model/levels.ts';
import { buildPicture, type Picture, pictureOf } from '../model/mesh-view.ts';
import { type PodNames, podNames } from '../model/names.ts';
import type { NAME_CHOICES } from './preferences.ts';

/**
 * Two pictures of a mesh: `overview` with the newest totals, for summary and notices; and `drawn`, which has the chosen
 * value and phase. null = no mesh. Usually the worker has computed the cells. Otherwise (new
 * thresholds, a past mesh) they are computed here. `named`: whose names labels show; '' = as the server says.
 */
export function usePictures(
  mesh: Mesh | null,
  address: Pick<Address, 'view' | 'value' | 'phase'>,
  thresholds: Thresholds,
  feed: Pick<LiveFeed, 'want' | 'cellsOf'>,
  named: (typeof NAME_CHOICES)[number],
): { overview: Picture | null; drawn: Picture | null } {
  const { view } = address;
  const value = shownValue(address);
  // Figures have no phases.
  const phase = value === 'last' ? address.phase : 'total';
  const { goodMs, warningMs, problemMs } = thresholds;
  const findings = useFindings(mesh, problemMs);
  const isText = view === 'raw' || view === 'metrics';
  const isUsual = isText || (value === 'last' && phase === 'total');
  const [usual, chosen] = useMemo(() => {
    const thresholds = { goodMs, warningMs, problemMs };
    const usual: PictureOptions = { thresholds, value: 'last', phase: 'total' };
    return [usual, isUsual ? null : { thresholds, value, phase }];
  }, [goodMs, warningMs, problemMs, isUsual, value, phase]);
  useEffect(() => feed.want(chosen === null ? [usual] : [usual, chosen]), [feed, usual, chosen]);
  const byNode = named === '' ? mesh?.settings.displayNodeName === true : named === 'node';
  const pods = mesh?.pods ?? NO_PODS;
  const names = useMemo(() => ({ byNode, ...podNames(pods, byNode) }), [pods, byNode]);
  const overview = useMemo(() => picture(mesh, findings, usual, feed, names), [mesh, findings, usual, feed, names]);
  const other = useMemo(() => picture(mesh, findings, chosen, feed, names), [mesh, findings, chosen, feed, names]);
  return { overview, drawn: other ?? overview };
}

const NO_PODS: Mesh['pods'] = [];

function picture(
  mesh: Mesh | null,
  findings: Mesh['findings'],
  options: PictureOptions | null,
  feed: Pick<LiveFeed, 'cellsOf'>,
  names: PodNames & { byNode: boolean },
): Picture | null {
  if (mesh === null || options === null) return null;
  const cells = feed.cellsOf(mesh, options);
  const settings = { ...mesh.settings, displayNodeName: names.byNode };
  const isAsSent = findings === mesh.findings && names.byNode === mesh.settings.displayNodeName;
  const shown = isAsSent ? mesh : { ...mesh, findings, settings };
  return cells === null ? buildPicture(shown, options, names) : pictureOf(shown, cells, names);
}

/**
 * The findings of a mesh at the reader's threshold `slowMs`. They are the server's if that is SLOW_LINK. Otherwise the page
 * runs the same analysis, in time slices; until it is done, the server's findings are shown without those about links that are
 * not slow at this threshold.
 */
function useFindings(mesh: Mesh | null, slowMs: number): Mesh['findings'] {
  const [known, setKnown] = useState<{ pods: Mesh['pods']; slowMs: number; findings: Finding[] } | null>(null);
  const isUsual = slowMs === mesh?.settings.slowLinkMs;
  // The analysis of many pods takes longer than the time between two meshes.
  const analysis = useRef<NewestOnly<Mesh>>(null);
  useEffect(() => {
    const newest = new NewestOnly<Mesh>(async (mesh, signal) => {
      const findings = await analyse(mesh, slowMs, signal);
      if (findings !== null) setKnown({ pods: mesh.pods, slowMs, findings });
    });
    analysis.current = newest;
    return () => newest.stop();
  }, [slowMs]);
  useEffect(() => {
    if (mesh !== null && slowMs !== mesh.settings.slowLinkMs) analysis.current?.offer(mesh);
  }, [mesh, slowMs]);
  const filtered = useMemo(() => withoutFaster(mesh?.findings ?? NO_FINDINGS, slowMs * 1000), [mesh, slowMs]);
  if (mesh === null || isUsual) return mesh?.findings ?? NO_FINDINGS;
  // Findings name pods by index, so those of an earlier mesh are valid if it has the same pods.
  return known !== null && known.slowMs === slowMs && known.pods === mesh.pods ? known.findings : filtered;
}

const NO_FINDINGS: Finding[] = [];

/** Longest time slice: leaves time for drawing in each frame, ms. */
const SLICE_MS = 4;

/** null = aborted, or the code of the analysis could not be loaded. */
async function analyse(mesh: Mesh, slowMs: number, signal: AbortSignal): Promise<Finding[] | null> {
  // Few readers move a threshold, so the analysis is not part of the first visit.
  const loaded = await import('../model/findings-at.ts').catch(() => null);
  const work = loaded?.findingsAt(mesh, slowMs);
  let startMs = performance.now();
  while (work !== undefined && !signal.aborted) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() - startMs < SLICE_MS) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    startMs = performance.now();
  }
  return null;
}

/** The props of a view at the chosen level. Panels show pods and links, so they get the props that this gets. */
export function useFolded(props: ViewProps | null, feed: Pick<LiveFeed, 'fold'>): ViewProps | null {
  const [kept] = useState(() => new KeptFolding());
  const { picture, only, filter, level: wanted, unfolded } = props ?? { ...DEFAULT_ADDRESS, picture: null };
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
  const { onSelect, onChange } = props;
  return {
    ...props,
    picture: folded,
    selection: foldSelection(folded, props.selection),
    onSelect: (selection) => {
      const target = unfoldSelection(folded, selection);
      if (target !== null && 'unfold' in target) onChange({ unfolded: [...unfolded, target.unfold] });
      else onSelect(target);
    },
  };
}
