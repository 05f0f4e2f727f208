import type { Finding } from '../../server/protocol/finding.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import type { Selection } from '../model/address.ts';
import { targetOf } from '../model/finding-words.ts';
import { countText } from '../model/format.ts';
import { shownName } from '../model/names.ts';
import './finding-list.css';

interface FindingListProps {
  /** The findings, and the pods that they name by index. */
  mesh: { findings: readonly Finding[]; pods: readonly Pick<Pod, 'uid' | 'node'>[] };
  /** Maximum number of findings; the others are counted. */
  most: number;
  /** Only titles, without heading and details. */
  brief?: boolean;
  /** The open pod or link; see `targetOf`. */
  selection?: Selection;
  /** Opens what a finding is about. */
  onSelect(selection: Selection): void;
  /** Shows the pods of the node that a finding is about. */
  onFilter(text: string): void;
}

/** The server's findings, the most severe first. Renders nothing if there are none. */
export function FindingList({ mesh, most, brief = false, selection = null, onSelect, onFilter }: FindingListProps) {
  const { findings } = mesh;
  if (findings.length === 0) return null;
  return (
    <section className="findings">
      <h2 className={brief ? 'hidden' : undefined}>
        Findings <span className="panel-count">{countText(findings.length)}</span>
      </h2>
      <ul className="finding-list">
        {findings.slice(0, most).map((finding) => {
          const target = targetOf(finding, mesh.pods, selection);
          const open = (wanted: NonNullable<typeof target>) =>
            'filter' in wanted ? onFilter(wanted.filter) : onSelect(wanted);
          return (
            <li key={`${finding.kind} ${finding.subject}`} className={`finding is-${finding.severity}`}>
              {target === null ? (
                <div className="finding-words">
                  <Words finding={finding} brief={brief} />
                </div>
              ) : (
                <button type="button" className="finding-words" onClick={() => open(target)}>
                  <Words finding={finding} brief={brief} />
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

function Words({ finding: { title, detail, affected, of }, brief }: { finding: Finding; brief: boolean }) {
  const share = of === 0 ? 0 : affected / of;
  return (
    <>
      <b>{shownName(title)}</b>
      {detail !== '' && !brief && <span>{shownName(detail)}</span>}
      {of > 1 && !brief && (
        <span className="finding-bar" aria-hidden="true">
          <span style={{ width: `${share * 100}%` }} />
        </span>
      )}
    </>
  );
}
