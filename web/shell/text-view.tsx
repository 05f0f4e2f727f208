import { useEffect, useMemo, useState } from 'react';
import { textOf } from '../../server/runtime/errors.ts';
import { fetchText } from '../data/requests.ts';
import { countText, plural } from '../pure/figures.ts';
import { keptLines, prettyJson } from '../pure/raw-text.ts';
import './text-view.css';

/** Shown of one answer; beyond it a browser only chokes. The link beside it opens all. */
const MAX_CHARS = 400_000;

interface TextViewProps {
  /** What can be asked for: path on the server and title. */
  sources: readonly { path: string; title: string }[];
  heading: string;
}

interface Answer {
  text: string;
  cut: boolean;
  status: number;
  error: string;
}

/** The server's answers as text: chosen, filtered by line, asked for again on demand. */
export function TextView({ sources, heading }: TextViewProps) {
  const [path, setPath] = useState(sources[0]?.path ?? '');
  const [filter, setFilter] = useState('');
  const [round, setRound] = useState(0);
  const answer = useAnswer(path, round);
  const shown = useMemo(() => (answer === null ? null : keptLines(prettyJson(answer.text), filter)), [answer, filter]);
  return (
    <section className="text-view" aria-label={heading}>
      <h1 className="hidden">{heading}</h1>
      <div className="tools">
        {sources.length > 1 && (
          <div className="segments">
            {sources.map((source) => (
              <button
                key={source.path}
                type="button"
                aria-pressed={source.path === path}
                onClick={() => setPath(source.path)}
              >
                {source.title}
              </button>
            ))}
          </div>
        )}
        <input
          type="search"
          data-filter
          aria-label="Filter lines"
          placeholder="Filter lines"
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
        <button type="button" onClick={() => setRound(round + 1)}>
          Refresh
        </button>
        <a href={`./${path}`} target="_blank" rel="noreferrer">
          Open {path}
        </a>
        <span className="text-note" role="status">
          {noteOf(answer, shown, filter)}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="text-body" tabIndex={0} aria-label={`Response of ${path}`}>
        <pre>{shown?.text ?? ''}</pre>
      </section>
    </section>
  );
}

function noteOf(answer: Answer | null, shown: { lines: number; all: number } | null, filter: string): string {
  if (answer === null || shown === null) return 'Loading…';
  if (answer.error !== '') return `No response: ${answer.error}`;
  const lines = filter === '' ? plural(shown.all, 'line') : `${countText(shown.lines)} of ${plural(shown.all, 'line')}`;
  const cut = answer.cut ? `, the first ${countText(MAX_CHARS / 1000)} kB` : '';
  return `HTTP ${answer.status}, ${lines}${cut}`;
}

function useAnswer(path: string, round: number): Answer | null {
  const [answer, setAnswer] = useState<(Answer & { path: string }) | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round asks for the same again
  useEffect(() => {
    const stop = new AbortController();
    fetchText(path, MAX_CHARS, stop.signal).then(
      (got) => setAnswer({ ...got, path, error: '' }),
      (error: unknown) => {
        if (!stop.signal.aborted) setAnswer({ text: '', cut: false, status: 0, error: textOf(error), path });
      },
    );
    return () => stop.abort();
  }, [path, round]);
  return answer?.path === path ? answer : null;
}
