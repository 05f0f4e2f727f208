import { useEffect, useRef } from 'react';
import { KEYS } from '../components/keys.ts';
import { shownName } from '../model/names.ts';
import { Icon } from './icons.tsx';
import './help-dialog.css';

interface HelpDialogProps {
  onClose(): void;
  letterKeys: boolean;
  onLetterKeys(on: boolean): void;
  /** Version of the serving pod; '' while unknown. */
  version: string;
}

/** Explains the page and its keys. A modal dialog while it is mounted. */
export function HelpDialog({ onClose, letterKeys, onLetterKeys, version }: HelpDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="help card" aria-labelledby="help-title" onClose={onClose}>
      <form method="dialog">
        <h2 id="help-title">Help</h2>
        <button type="submit" className="quiet" aria-label="Close">
          <Icon name="cross" />
        </button>
      </form>
      <p>
        Each pod pings all other pods and itself, or as many others as PING_NUMBER says; pods on passive nodes only
        answer. In the graph, a line is one link, and its arrow points to the destination. Between folded nodes or zones
        a line stands for all links from one to the other, and of many pods the healthy links are pale bundles. In the
        heatmap, a column shows the pings that a pod sent, and a row shows the pings that it received.
      </p>
      <p>
        Only failures change the colour of a pod. A pod with slow links stays green and gets a badge. Hatched means
        unknown, dotted means not probed.
      </p>
      <p>
        The View menu of the heatmap also has the share of failed pings, jitter, lost datagrams, and each link compared
        with its usual latency: a link that is always slow is green there, and a new slowness is red. Links that fail
        now stay marked as failed.
      </p>
      <h3>Keys</h3>
      <table>
        <tbody>
          {KEYS.map(({ shown, words }) => (
            <tr key={shown}>
              <th scope="row">
                <kbd>{shown}</kbd>
              </th>
              <td>{words}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <label className="help-switch">
        <input type="checkbox" checked={letterKeys} onChange={(event) => onLetterKeys(event.target.checked)} /> Enable
        single-key shortcuts
      </label>
      <p className="help-foot">
        {version === '' ? '' : `goldpinger-ts ${shownName(version)} · `}
        <a href="./swagger.json">API description</a> · <a href="./heatmap.png">heatmap.png</a>
      </p>
    </dialog>
  );
}
