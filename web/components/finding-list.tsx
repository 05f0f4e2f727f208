import type { Finding } from '../../server/protocol/finding.ts';
import { countText, plural } from '../../server/runtime/count-text.ts';
import { findingTone, listedWords, targetOf } from '../model/finding-words.ts';
import { shownName } from '../model/names.ts';
import type { StepPod } from '../model/next-steps.ts';
import './finding-list.css';
import { Late } from './late.tsx';
import type { ViewProps } from './view-props.ts';

type ListProps = Pick<ViewProps, 'picture' | 'selection' | 'onSelect' | 'onFilter' | 'onReplay' | 'nowMs'>;

interface FindingListProps {
  props: ListProps;
  /** The findings, and the pods that they name by index. */
  mesh: { findings: readonly Finding[]; pods: readonly StepPod[] };
  most: number;
  /** The finding that the notice above names; its symptom is not said again. */
  inNotice?: Finding | undefined;
  /** Only titles, without heading, details and next steps. */
  brief?: boolean;
}

/** The server's findings, the most severe first. Renders nothing if there are none. */
export function FindingList({ props, mesh, most, inNotice, brief = false }: FindingListProps) {
  const { findings, pods } = mesh;
  if (findings.length === 0) return null;
  const items = findings.map((finding) => (
    <FindingItem
      key={`${finding.kind} ${finding.subject}`}
      props={props}
      finding={finding}
      pods={pods}
      brief={brief}
      isInNotice={finding === inNotice}
    />
  ));
  return (
    <section className="findings">
      <h2 className={brief ? 'hidden' : undefined}>
        Findings <span className="second">{countText(findings.length)}</span>
      </h2>
      <ul className="finding-list">{items.slice(0, most)}</ul>
      {findings.length > most && (
        <details className="more-findings">
          <summary>{plural(findings.length - most, 'more finding')}</summary>
          <ul className="finding-list">{items.slice(most)}</ul>
        </details>
      )}
    </section>
  );
}

interface ItemProps {
  props: ListProps;
  finding: Finding;
  pods: readonly StepPod[];
  brief: boolean;
  isInNotice: boolean;
}

function FindingItem({ props, finding, pods, brief, isInNotice }: ItemProps) {
  const target = targetOf(finding, pods, props.selection);
  const words = <Words finding={finding} brief={brief} isInNotice={isInNotice} />;
  return (
    <li className={`finding is-${findingTone(finding)}`}>
      {target === null ? (
        <div className="finding-words">{words}</div>
      ) : (
        <button type="button" className="finding-words bare" onClick={() => show(props, target)}>
          {words}
        </button>
      )}
      {!brief && (
        <Late load={loadSteps}>
          {({ FindingSteps }) => (
            <FindingSteps props={props} finding={finding} pods={pods} onShow={(what) => show(props, what)} />
          )}
        </Late>
      )}
    </li>
  );
}

function show({ onSelect, onFilter }: ListProps, what: { filter: string } | ViewProps['selection']): void {
  if (what !== null && 'filter' in what) onFilter(what.filter);
  else onSelect(what);
}

const loadSteps = () => import('./next-steps.tsx');

function Words({ finding, brief, isInNotice }: Pick<ItemProps, 'finding' | 'brief' | 'isInNotice'>) {
  const { detail, affected, of } = finding;
  const { title, advice } = listedWords(finding, isInNotice);
  const share = of === 0 ? 0 : affected / of;
  return (
    <>
      <b>{title}</b>
      {advice !== '' && <span>{advice}</span>}
      {detail !== '' && !brief && <span>{shownName(detail)}</span>}
      {of > 1 && !brief && (
        <span className="finding-bar" aria-hidden="true">
          <span style={{ width: `${share * 100}%` }} />
        </span>
      )}
    </>
  );
}
