import { useEffect, useMemo } from 'react';
import type { Thresholds } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { LiveFeed } from '../data/live-feed.ts';
import { type Address, shownValue } from '../model/address.ts';
import type { PictureOptions } from '../model/cells.ts';
import { buildPicture, type Picture, pictureOf } from '../model/mesh-view.ts';
import { type PodNames, podNames } from '../model/names.ts';
import type { NAME_CHOICES } from './preferences.ts';
import { useFindings } from './use-findings.ts';

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
