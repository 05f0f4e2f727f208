import { type FormEvent, useEffect, useState } from 'react';
import type { VerdictAnswer } from '../../../server/protocol/verdict.ts';
import { countText, plural } from '../../../server/runtime/count-text.ts';
import { type ClauseError, clauseErrorOf, clausesIn, MAX_HYPOTHESIS } from '../../model/address.ts';
import { shownName } from '../../model/names.ts';

const SIGNS = { pass: '✓', fail: '×', unknown: '?' } as const;
const TONES = { pass: 'tone-good', fail: 'tone-failed', unknown: 'tone-unknown' } as const;
const MOST_VIOLATIONS = 8;

interface VerdictBoxProps {
  /** The hypothesis that is stated, clause by clause. */
  expect: readonly string[];
  onExpect(expect: readonly string[]): void;
  /** Judges the stated hypothesis, `healthy` without one. */
  onCheck(): void;
  /** The verdict on it; null while there is none. */
  verdict: VerdictAnswer | null;
  /** Why the server refuses the hypothesis; ''. */
  error: string;
}

/** A form for the hypothesis, one clause a line. It shows whether the hypothesis held, or where the server cannot read it. */
export function VerdictBox({ expect, onExpect, onCheck, verdict, error }: VerdictBoxProps) {
  const [text, setText] = useState(() => expect.join('\n'));
  const stated = expect.join('\n');
  // The Back button or a pasted link states another hypothesis.
  useEffect(() => setText((typed) => (clausesIn(typed).join('\n') === stated ? typed : stated)), [stated]);
  const isStated = clausesIn(text).join('\n') === stated;
  const stateIt = () => {
    if (!isStated) onExpect(clausesIn(text));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    stateIt();
    onCheck();
  };
  return (
    <section className="verdict">
      <h3>Verdict on the “during” range</h3>
      <form className="column" onSubmit={submit}>
        <label className="second column">
          <span>Expectations, one per line</span>
          <textarea
            rows={Math.min(6, Math.max(2, text.split('\n').length))}
            maxLength={MAX_HYPOTHESIS}
            spellCheck={false}
            placeholder="healthy"
            aria-describedby="verdict-words"
            aria-invalid={error !== ''}
            value={text}
            onChange={(event) => setText(event.target.value)}
            // The link to the report contains it, and who clicks that link leaves this field.
            onBlur={stateIt}
          />
        </label>
        <p className="second">
          <code>healthy</code>, <code>failed</code>, <code>latency&gt;=200ms,to=goldpinger-chaos</code>
        </p>
        <button type="submit">Check</button>
      </form>
      <div role="status" id="verdict-words">
        {error !== '' && <ErrorMessage {...clauseErrorOf(error, isStated ? text : stated)} />}
        {verdict !== null && <Answer answer={verdict} />}
      </div>
    </section>
  );
}

function ErrorMessage({ message, place }: ClauseError) {
  if (place === null) return <p className="tone-failed">{shownName(message)}</p>;
  return (
    <>
      <p className="tone-failed">
        Line {place.line}, character {place.before.length + 1}: {shownName(message)}
      </p>
      <p className="validation-error">
        <code>
          {shownName(place.before)}
          <mark>{place.from === '' ? '\u00a0' : shownName(place.from)}</mark>
        </code>
      </p>
    </>
  );
}

function Answer({ answer }: { answer: VerdictAnswer }) {
  const { verdict, reason, expect, clauses, violations, links_checked: links, samples } = answer;
  return (
    <>
      <ul className="clauses">
        {expect.map((clause, i) => {
          const held = clauses[i] ?? 'unknown';
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same clause may be asked twice
            <li key={i}>
              <span className={TONES[held]} aria-hidden="true">
                {SIGNS[held]}
              </span>
              <code>{shownName(clause)}</code>
              <b className={TONES[held]}>{held}</b>
            </li>
          );
        })}
      </ul>
      <p>
        <b className={TONES[verdict]}>{verdict}</b>
        {reason === '' ? '' : `: ${shownName(reason)}`}. {plural(samples, 'sample')} on {plural(links, 'link')}.
      </p>
      {violations.length > 0 && (
        <ul className="violations second">
          {violations.slice(0, MOST_VIOLATIONS).map(({ clause, from, to, found }) => (
            <li key={`${clause} ${from} ${to}`}>
              {shownName(from)} → {shownName(to)}: <b>{shownName(found)}</b>
            </li>
          ))}
          {violations.length > MOST_VIOLATIONS && <li>and {countText(violations.length - MOST_VIOLATIONS)} more</li>}
        </ul>
      )}
    </>
  );
}
