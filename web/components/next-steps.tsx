import './next-steps.css';
import { useState } from 'react';
import type { Finding } from '../../server/protocol/finding.ts';
import { serverUrl } from '../data/client.ts';
import { reportPath } from '../model/address.ts';
import { findingFilter } from '../model/link-filter.ts';
import type { PodView } from '../model/mesh-view.ts';
import { shownName } from '../model/names.ts';
import { linkValues, podCommands, replayRange, reportRanges, type StepPod, toolLinks } from '../model/next-steps.ts';
import type { ViewProps } from './view-props.ts';

/** A button that copies a text and says so. `label`: what it is, for its name. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isCopied, setIsCopied] = useState(false);
  return (
    <button
      type="button"
      className="quiet copy-button"
      aria-label={`Copy ${label}`}
      title={`Copy ${label}`}
      onClick={() => void copy(text).then(setIsCopied)}
      onBlur={() => setIsCopied(false)}
    >
      <span role="status">{isCopied ? 'Copied' : ''}</span>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M5.5 5.5V2.5H13.5V10.5H10.5M2.5 5.5H10.5V13.5H2.5Z" />
      </svg>
    </button>
  );
}

/** Copies a text. Plain HTTP has no clipboard, and it may be forbidden: then a text field is copied as a reader would do it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyField(text);
  }
}

function copyField(text: string): boolean {
  const field = document.createElement('textarea');
  const active = document.activeElement;
  field.value = text;
  (active?.parentElement ?? document.body).append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (active instanceof HTMLElement) active.focus();
  return isDone;
}

/** The full name of a pod. Its name in Kubernetes, without the namespace, can be copied. */
export function CopyName({ view: { name, pod } }: { view: Pick<PodView, 'name' | 'pod'> }) {
  return (
    <span className="copy-name" title={name}>
      {name}
      <CopyButton text={pod.name} label={name} />
    </span>
  );
}

interface NextStepsProps {
  props: Pick<ViewProps, 'picture'>;
  pod: StepPod;
  /** The other end, if the steps are about a link into `pod`. */
  source?: StepPod | undefined;
}

/** Commands to copy, and links to other tools (LINK_TEMPLATES). */
export function NextSteps({ props, pod, source }: NextStepsProps) {
  const links = toolLinks(props.picture.mesh.settings.linkTemplates, linkValues(pod, source));
  return (
    <div className="next-steps">
      {links.length > 0 && (
        <p className="tool-links">
          {links.map(({ name, href }) => (
            <a key={name} href={href} target="_blank" rel="noopener noreferrer">
              {shownName(name)}
            </a>
          ))}
        </p>
      )}
      <ul>
        {[{ label: 'Name', text: pod.name }, ...podCommands(pod)].map(({ label, text }) => (
          <li key={label}>
            <code title={shownName(text)}>{shownName(text)}</code>
            <CopyButton text={text} label={`${label.toLowerCase()}: ${shownName(text)}`} />
          </li>
        ))}
      </ul>
    </div>
  );
}

interface FindingStepsProps {
  props: Pick<ViewProps, 'picture' | 'onReplay' | 'nowMs'>;
  finding: Finding;
  pods: readonly StepPod[];
  onShow(what: { filter: string } | ViewProps['selection']): void;
}

/** What a reader does next with a finding: see its links, see how it began, report it, look into its pod. */
export function FindingSteps({ props, finding, pods, onShow }: FindingStepsProps) {
  const { nowMs, picture, onReplay } = props;
  const [pod, source] = [pods[finding.pods[0] ?? -1], pods[finding.from[0] ?? -1]];
  const links = finding.pods.length === 0 ? null : { filter: findingFilter(finding, pods) };
  const replay = replayRange(finding.sinceMs, nowMs);
  const ranges = reportRanges(finding.sinceMs, nowMs, picture.mesh.settings.historyWindowMs);
  if (links === null && replay === null) return null;
  const isLink = finding.pods.length === 1 && finding.from.length === 1;
  return (
    <details className="finding-steps">
      <summary>Next steps</summary>
      <p>
        {links !== null && (
          <button type="button" onClick={() => onShow(links)}>
            Show links
          </button>
        )}
        {replay !== null && (
          <button type="button" onClick={() => onReplay(replay)}>
            Replay 30 s
          </button>
        )}
        {ranges !== null && (
          <a
            className="button"
            href={serverUrl('.') + reportPath(ranges, [])}
            target="_blank"
            rel="noopener noreferrer"
          >
            Report
          </a>
        )}
      </p>
      {pod !== undefined && <NextSteps props={props} pod={pod} source={isLink ? source : undefined} />}
    </details>
  );
}
