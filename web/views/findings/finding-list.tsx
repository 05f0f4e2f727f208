import type { Finding } from '../../../server/contract/finding.ts';
import type { Mesh } from '../../../server/contract/mesh.ts';
import type { Selection } from '../../pure/address.ts';
import { countText } from '../../pure/figures.ts';
import { shownName } from '../../pure/names.ts';
import './findings.css';

interface FindingListProps {
  mesh: Pick<Mesh, 'findings' | 'pods'>;
  /** At most so many; the others are counted. */
  most: number;
  /** Opens what a finding is about; without it findings are mere text. */
  onSelect?: (selection: Selection) => void;
  /** Shows the pods of the node that a finding is about. */
  onFilter?: (text: string) => void;
}

/** What stands out, as the servers say it, the worst first. Nothing without any. */
export function FindingList({ mesh, most, onSelect, onFilter }: FindingListProps) {
  const { findings } = mesh;
  if (findings.length === 0) return null;
  return (
    <section className="findings">
      <h2>
        Findings <span className="panel-count">{countText(findings.length)}</span>
      </h2>
      <ul className="finding-list">
        {findings.slice(0, most).map((finding) => {
          const node = finding.kind === 'node' ? (mesh.pods[finding.pods[0] ?? -1]?.node ?? '') : '';
          const about = onSelect === undefined ? null : selectionOf(finding, mesh.pods);
          const open = node !== '' && onFilter !== undefined ? () => onFilter(node) : () => onSelect?.(about);
          return (
            <li key={`${finding.kind} ${finding.subject}`} className={`finding is-${finding.severity}`}>
              {about === null ? (
                <div className="finding-words">
                  <Words finding={finding} />
                </div>
              ) : (
                <button type="button" className="finding-words" onClick={open}>
                  <Words finding={finding} />
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {findings.length > most && <p className="panel-second">{countText(findings.length - most)} more.</p>}
    </section>
  );
}

function Words({ finding: { title, detail, affected, of } }: { finding: Finding }) {
  const share = of === 0 ? 0 : affected / of;
  return (
    <>
      <b>{shownName(title)}</b>
      {detail !== '' && <span>{shownName(detail)}</span>}
      {of > 1 && (
        <span className="finding-bar" aria-hidden="true">
          <span style={{ width: `${share * 100}%` }} />
        </span>
      )}
    </>
  );
}

/** What a click on a finding opens: its link, or its pod; null where it is about several or none. */
function selectionOf({ kind, pods, from }: Finding, all: Mesh['pods']): Selection {
  const uid = (index: number | undefined) => all[index ?? -1]?.uid;
  const [to, source] = [uid(pods[0]), uid(from[0])];
  if (to === undefined) return null;
  const isLink = kind === 'link' || kind === 'link-slow' || kind === 'one-way';
  if (isLink && source !== undefined) return { from: source, to };
  return pods.length === 1 || kind === 'node' ? { pod: to } : null;
}
