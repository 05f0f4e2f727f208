import { type FormEvent, useEffect, useRef, useState } from 'react';
import { MAX_ANNOTATION_TEXT } from '../../../server/protocol/annotation.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { postAnnotation } from '../../data/past-client.ts';
import { clockText } from '../../model/format.ts';
import { shownName } from '../../model/names.ts';

interface AnnotationDialogProps {
  /** A time (ms since the epoch) or a time range. */
  when: number | TimeRange;
  nowMs: number;
  /** The token that was typed before. It is kept in the open page at most. */
  token: string;
  onToken(token: string): void;
  onClose(): void;
  onSaved(): void;
}

/** A form that saves an annotation. It requires the servers' WRITE_TOKEN. */
export function AnnotationDialog({ when, nowMs, token, onToken, onClose, onSaved }: AnnotationDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const range = typeof when === 'number' ? { fromMs: when, toMs: null } : when;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    postAnnotation({ ...range, text }, token).then(onSaved, (reason: unknown) => {
      setBusy(false);
      setError(textOf(reason, 300));
    });
  };
  const time = (ms: number) => clockText(ms, nowMs);
  return (
    <dialog ref={dialog} className="note card" aria-labelledby="note-title" onClose={onClose}>
      <form className="column" onSubmit={submit}>
        <h2 id="note-title">
          Annotation at {time(range.fromMs)}
          {range.toMs === null ? '' : ` – ${time(range.toMs)}`}
        </h2>
        <label className="column">
          What happened
          <input
            type="text"
            required
            maxLength={MAX_ANNOTATION_TEXT}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <label className="column">
          Write token
          <input
            type="password"
            required
            autoComplete="off"
            value={token}
            onChange={(event) => onToken(event.target.value)}
          />
        </label>
        <p className="second">Everyone can see annotations. The token is not stored.</p>
        {error !== '' && (
          <p role="alert" className="tone-failed">
            {shownName(error)}
          </p>
        )}
        <div className="note-buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="is-main" disabled={busy}>
            Save
          </button>
        </div>
      </form>
    </dialog>
  );
}
