import { useEffect, useRef } from 'react';
import { shownName } from '../model/names.ts';
import { Icon } from './icons.tsx';
import './help-dialog.css';

const KEYS: [string, string][] = [
  ['1 – 4', 'Graph, heatmap, raw, metrics'],
  ['/', 'Filter by part of a name. Also node:worker-1, zone:a, is:failing, is:slow, is:starved, is:gone'],
  ['T', 'Switch between picture and table'],
  ['N', 'Return to live, or reconnect now'],
  ['Esc', 'Close the open panel or dialog'],
  ['Arrows', 'Heatmap and comparison: move between cells. Graph: move between the links of a pod'],
  ['Enter', 'Open the link or pod'],
  ['Home, End, Ctrl+Home', 'Heatmap: ends of the row, first cell'],
  ['F, S', 'Heatmap and comparison: next failed, next slow link, or next high figure'],
  ['[ ]', 'Heatmap: previous or next sort order'],
  ['+ − 0', 'Graph: zoom in, out, reset'],
  ['← →, Page Up, Page Down', 'Timeline: previous or next step, previous or next event. Enter shows that time'],
  ['Shift + ← →', 'Timeline: select a range, Enter confirms. Arrow keys move a focused handle'],
  ['?', 'This help'],
];

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
        Every pod pings all other pods and itself. In the graph, each line is one link; the arrow points to the
        destination. In the heatmap, a column shows the pings that a pod sent, and a row shows the pings that it
        received.
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
          {KEYS.map(([key, what]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{what}</td>
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
