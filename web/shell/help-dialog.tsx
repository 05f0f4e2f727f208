import { useEffect, useRef } from 'react';
import { shownName } from '../pure/names.ts';
import { Icon } from './icons.tsx';
import './help-dialog.css';

const KEYS: [string, string][] = [
  ['1 – 4', 'Graph, heatmap, raw, metrics'],
  ['/', 'Filter by part of a name; node:worker-1 is that node alone, zone:a that zone'],
  ['T', 'Table instead of the picture, and back'],
  ['N', 'Now: back from a moment of the past, or connect again at once'],
  ['Esc', 'Close what is open'],
  ['Arrows', 'Heatmap and comparison: from cell to cell. Graph: from link to link of a pod'],
  ['Enter', 'Open the link or pod'],
  ['Home, End, Ctrl+Home', 'Heatmap: ends of the line, first cell'],
  ['F, S', 'Heatmap and comparison: next failed, next slow link'],
  ['[ ]', 'Heatmap: order of the pods'],
  ['+ − 0', 'Graph: zoom in, out, reset'],
  ['← →, Page Up, Page Down', 'Timeline: a step, an event back or forth; Enter looks at that moment'],
  ['Shift + ← →', 'Timeline: draw a range, Enter takes it; arrows on its handles move them'],
  ['?', 'This help'],
];

interface HelpDialogProps {
  open: boolean;
  onClose(): void;
  letterKeys: boolean;
  onLetterKeys(on: boolean): void;
  /** Version of the serving pod; '' while unknown. */
  version: string;
}

/** How to read the page, and its keys. */
export function HelpDialog({ open, onClose, letterKeys, onLetterKeys, version }: HelpDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open && dialog.current?.open === false) dialog.current.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="help card" aria-labelledby="help-title" onClose={onClose}>
      <form method="dialog">
        <h2 id="help-title">Help</h2>
        <button type="submit" className="quiet" aria-label="Close">
          <Icon name="cross" />
        </button>
      </form>
      <p>
        Every pod pings every other pod and itself, again and again. In the graph a line is one pod pinging another; the
        arrow points at the pod that answers. In the heatmap a column is what its pod measured, and a row is the pings
        to its pod.
      </p>
      <p>
        Only failures change a pod’s colour. A slow answer is still an answer: it leaves the pod green and gives it a
        badge. Hatched is unknown, dotted was not probed; neither is good or bad.
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
        <input type="checkbox" checked={letterKeys} onChange={(event) => onLetterKeys(event.target.checked)} /> Single
        letters and digits act as keys
      </label>
      <p className="help-foot">
        {version === '' ? '' : `goldpinger-ts ${shownName(version)} · `}
        <a href="./swagger.json">API description</a> · <a href="./heatmap.png">heatmap.png</a>
      </p>
    </dialog>
  );
}
