import { countText, plural } from '../../server/runtime/count-text.ts';
import './text-view.css';
import { useMemo, useState } from 'react';
import { useFetched } from '../components/use-fetched.ts';
import { type FetchedText, fetchText } from '../data/client.ts';
import { shownName } from '../model/names.ts';

/** Maximum length of the shown text, because longer ones make the browser slow. A link opens the whole response. */
const MAX_CHARS = 400_000;

interface TextViewProps {
  /** The responses to choose from: path on the server and title. */
  sources: readonly { path: string; title: string }[];
  heading: string;
  /** The name of the pod that the page's data come from; '' = unknown. */
  servedBy: string;
  /** Whether the page shows a past time: responses are always of now. */
  isPast: boolean;
}

/** Shows responses of the server as text, with a line filter and a refresh button. */
export function TextView({ sources, heading, servedBy, isPast }: TextViewProps) {
  const [path, setPath] = useState(sources[0]?.path ?? '');
  const [filter, setFilter] = useState('');
  const [round, setRound] = useState(0);
  const { value, error } = useFetched(`${path} ${round}`, async (signal) => {
    return { path, ...(await fetchText(path, MAX_CHARS, signal)) };
  });
  const answer = value?.path === path ? value : null;
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
          {error === '' ? noteOf(answer, shown, filter, servedBy, isPast) : `No response: ${error}`}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="text-body" tabIndex={0} aria-label={`Response of ${path}`}>
        <pre>{shown?.text ?? ''}</pre>
      </section>
    </section>
  );
}

/** The status of a response: "HTTP 200, 233 lines, from pod-a"; see `TextViewProps`. */
export function noteOf(
  answer: FetchedText | null,
  shown: { lines: number; all: number } | null,
  filter: string,
  servedBy: string,
  isPast: boolean,
): string {
  if (answer === null || shown === null) return 'Loading…';
  const lines = filter === '' ? plural(shown.all, 'line') : `${countText(shown.lines)} of ${plural(shown.all, 'line')}`;
  const cut = answer.cut ? `, the first ${countText(MAX_CHARS / 1000)} kB` : '';
  // Where the page is reached by a Service, the response can come from another pod than the page's data.
  const isOther = servedBy !== '' && answer.pod !== servedBy;
  const pod = answer.pod === '' ? '' : `, from ${shownName(answer.pod)}${isOther ? ', another pod' : ''}`;
  return `HTTP ${answer.status}, ${lines}${cut}${pod}${isPast ? ', live: not of the viewed time' : ''}`;
}

export function prettyJson(text: string): string {
  const first = text.trimStart()[0];
  if (first !== '{' && first !== '[') return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The lines that contain `filter` (ignoring case; '' = all), their number, and the number of all lines. */
export function keptLines(text: string, filter: string): { text: string; lines: number; all: number } {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const wanted = filter.toLowerCase();
  const kept = wanted === '' ? lines : lines.filter((line) => line.toLowerCase().includes(wanted));
  return { text: kept.join('\n'), lines: kept.length, all: lines.length };
}
