import { type FormEvent, useEffect, useState } from 'react';
import type { VerdictAnswer } from '../../../server/protocol/verdict.ts';
import { countText, plural } from '../../pure/figures.ts';
import { clausesIn, MAX_HYPOTHESIS, type Mistake, mistakeIn } from '../../pure/hypothesis.ts';
import { shownName } from '../../pure/names.ts';
import type { Verdict } from './use-verdict.ts';

const SIGNS = { pass: '✓', fail: '×', unknown: '?' } as const;
const TONES = { pass: 'word-good', fail: 'word-failed', unknown: 'word-unknown' } as const;
const MOST_VIOLATIONS = 8;

interface VerdictBoxProps {
  /** The hypothesis that is stated, clause by clause. */
  expect: readonly string[];
  onExpect(expect: readonly string[]): void;
  verdict: Verdict;
}

/** Takes the hypothesis, one clause a line, and says whether it held or where it is not to be understood. */
export function VerdictBox({ expect, onExpect, verdict }: VerdictBoxProps) {
  const [text, setText] = useState(() => expect.join('\n'));
  const stated = expect.join('\n');
  // Back, or a link that was pasted, states another one.
  useEffect(() => setText((typed) => (clausesIn(typed).join('\n') === stated ? typed : stated)), [stated]);
  const state = () => {
    const clauses = clausesIn(text);
    if (clauses.join('\n') !== stated) onExpect(clauses);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    state();
    verdict.ask();
  };
  return (
    <section className="verdict">
      <h3>Verdict on the “during” range</h3>
      <form onSubmit={submit}>
        <label>
          <span>Hypothesis: expectations, one a line</span>
          <textarea
            rows={Math.min(6, Math.max(2, text.split('\n').length))}
            maxLength={MAX_HYPOTHESIS}
            spellCheck={false}
            placeholder="healthy"
            aria-describedby="verdict-words"
            aria-invalid={verdict.error !== ''}
            value={text}
            onChange={(event) => setText(event.target.value)}
            // The report's link carries it: whoever goes there has left this field.
            onBlur={state}
          />
        </label>
        <p className="panel-second">
          <code>healthy</code>, <code>failed</code>, <code>latency&gt;=200ms,to=goldpinger-chaos</code>
        </p>
        <button type="submit">Check</button>
      </form>
      <div role="status" id="verdict-words">
        {verdict.error !== '' && <MistakeWords {...mistakeIn(verdict.error, verdict.asked)} />}
        {verdict.answer !== null && <Answer answer={verdict.answer} />}
      </div>
    </section>
  );
}

function MistakeWords({ words, place }: Mistake) {
  if (place === null) return <p className="word-failed">{shownName(words)}</p>;
  return (
    <>
      <p className="word-failed">
        Line {place.line}, character {place.before.length + 1}: {shownName(words)}
      </p>
      <p className="mistake">
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
