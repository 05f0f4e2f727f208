import { type FormEvent, useState } from 'react';
import { textOf } from '../../../server/contract/errors.ts';
import { MAX_CLAUSE_LENGTH, MAX_CLAUSES, type VerdictAnswer } from '../../../server/contract/verdict.ts';
import { fetchVerdict } from '../../data/history-requests.ts';
import { countText, plural } from '../../pure/figures.ts';
import { shownName } from '../../pure/names.ts';
import type { TimeRange } from '../../pure/timeline-ranges.ts';

const SIGNS = { pass: '✓', fail: '×', unknown: '?' } as const;
const TONES = { pass: 'word-good', fail: 'word-failed', unknown: 'word-unknown' } as const;
const MOST_VIOLATIONS = 8;

/** Asks whether a hypothesis, one clause a line, held in a range. */
export function VerdictBox({ range }: { range: TimeRange }) {
  const [text, setText] = useState('healthy');
  const [answer, setAnswer] = useState<VerdictAnswer | null>(null);
  const [error, setError] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const clauses = text.split('\n').map((clause) => clause.trim().replace(/^expect=/, ''));
    const wanted = clauses.filter(Boolean).slice(0, MAX_CLAUSES);
    fetchVerdict(range, wanted).then(
      (verdict) => {
        setAnswer(verdict);
        setError('');
      },
      (reason: unknown) => setError(textOf(reason, 400)),
    );
  };
  return (
    <section className="verdict">
      <h3>Verdict on the “during” range</h3>
      <form onSubmit={submit}>
        <label>
          <span>Expectations, one a line</span>
          <textarea
            rows={Math.min(6, Math.max(2, text.split('\n').length))}
            maxLength={MAX_CLAUSES * MAX_CLAUSE_LENGTH}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <p className="panel-second">
          <code>healthy</code>, <code>failed</code>, <code>latency&gt;=200ms,to=goldpinger-chaos</code>
        </p>
        <button type="submit">Check</button>
      </form>
      <div role="status">
        {error !== '' && <p className="word-failed">{shownName(error)}</p>}
        {error === '' && answer !== null && <Answer answer={answer} />}
      </div>
    </section>
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
        <ul className="violations">
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
