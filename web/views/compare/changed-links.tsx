import type { Thresholds } from '../../../server/protocol/link-state.ts';
import { CHANGES, type Comparison, mostChanged } from '../../pure/compare.ts';
import { changeWords, deltaFigure, deltaText, doingText, linkOf, onScale, pairName } from '../../pure/compare-words.ts';
import { countText, plural } from '../../pure/figures.ts';
import { RANGE_NAMES } from '../../pure/timeline-ranges.ts';

/** The most lines. */
const MOST = 200;
/** Where nothing is worth a line, so many are shown all the same. */
const LEAST = 6;
const WIDTH = 130;

interface ChangedLinksProps {
  comparison: Comparison;
  thresholds: Thresholds;
  /** Opens a link, pod uids. */
  onOpen(link: { from: string; to: string }): void;
}

/** The links that changed most, worst first, each as a dumbbell on a log scale from 0.1 ms to 1 s. */
export function ChangedLinks({ comparison, thresholds, onOpen }: ChangedLinksProps) {
  const { pairs, all } = mostChanged(comparison, MOST);
  const { change, after, figures } = comparison;
  const worth = pairs.filter((pair) => CHANGES[change[pair] ?? 0] !== 'same').length;
  const shown = pairs.slice(0, Math.max(LEAST, worth));
  const least = Math.abs(comparison.deltaUs[pairs[shown.length] ?? -1] ?? 0);
  return (
    <>
      <p className="change-keys">
        p50 in ms <span className="dot is-before" /> before <span className="dot is-during" /> during
        {after !== null && (
          <>
            {' '}
            <span className="dot is-after" /> after
          </>
        )}{' '}
        <span className="dot is-problem" /> problem {thresholds.problemMs} ms
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="changed-frame" aria-label="Links that changed most" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Link</th>
              <th scope="col">Before</th>
              <th scope="col">During</th>
              {after !== null && <th scope="col">After</th>}
              <th scope="col" className="wide-only">
                p50, log scale
              </th>
              <th scope="col">Change</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((pair) => (
              <Line key={pair} {...{ comparison, pair, thresholds, onOpen }} />
            ))}
          </tbody>
        </table>
      </section>
      <p className="change-rest">
        {all > shown.length
          ? `${plural(all - shown.length, 'more link')} changed by ${least < 50 ? 'less than 0.1 ms' : `at most ${deltaText(least).slice(1)}`}. `
          : ''}
        Failed before: {countText(figures.failed.before)}, during: {countText(figures.failed.during)}.
      </p>
    </>
  );
}

function Line({ comparison, pair, thresholds, onOpen }: ChangedLinksProps & { pair: number }) {
  const { before, during, after, change, deltaUs, affected } = comparison;
  const at = ({ p50Us, failedShare }: Comparison['before']) => ({
    us: p50Us[pair] ?? Number.NaN,
    text: doingText(p50Us[pair] ?? Number.NaN, failedShare[pair] ?? Number.NaN).replace(/ ms$/, ''),
  });
  const [old, now, then] = [at(before), at(during), after === null ? null : at(after)];
  const what = CHANGES[change[pair] ?? 0] ?? 'unknown';
  const isDelta = (what === 'slower' && !Number.isNaN(deltaUs[pair])) || what === 'same' || what === 'faster';
  const tone = affected[pair] === 1 ? (what === 'broke' ? 'word-failed' : 'word-slow') : '';
  return (
    <tr>
      <th scope="row">
        <button type="button" className="link-button" onClick={() => onOpen(linkOf(comparison, pair))}>
          {pairName(comparison, pair)}
        </button>
      </th>
      <td>{old.text}</td>
      <td className={tone}>{now.text}</td>
      {then !== null && <td>{then.text}</td>}
      <td className="wide-only">
        <Dumbbell
          usOf={[old.us, now.us, then?.us ?? Number.NaN]}
          problemUs={thresholds.problemMs * 1000}
          isWorse={affected[pair] === 1}
        />
      </td>
      <td className={tone}>{isDelta ? deltaFigure(deltaUs[pair] ?? Number.NaN) : changeWords(what)}</td>
    </tr>
  );
}

function Dumbbell({ usOf, problemUs, isWorse }: { usOf: readonly number[]; problemUs: number; isWorse: boolean }) {
  const x = (us: number) => 6 + onScale(us) * (WIDTH - 12);
  const known = usOf.slice(0, 2).filter((us) => us >= 0);
  return (
    <svg className={isWorse ? 'dumbbell is-worse' : 'dumbbell'} viewBox={`0 0 ${WIDTH} 16`} aria-hidden="true">
      <path className="dumbbell-ground" d={`M0 8H${WIDTH}`} />
      <path className="dumbbell-problem" d={`M${x(problemUs)} 1V15`} />
      {known.length === 2 && <path className="dumbbell-bar" d={`M${x(known[0] ?? 0)} 8H${x(known[1] ?? 0)}`} />}
      {RANGE_NAMES.map((name, i) => {
        const us = usOf[i] ?? Number.NaN;
        return us >= 0 ? <circle key={name} className={`is-${name}`} cx={x(us)} cy="8" r="4" /> : null;
      })}
    </svg>
  );
}
