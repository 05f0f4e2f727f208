import { Fragment, useMemo } from 'react';
import {
  type ChangedLink,
  type LinkSummary,
  RANGE_NAMES,
  type ReportData,
} from '../../../server/protocol/comparison.ts';
import { countText, plural } from '../../../server/runtime/count-text.ts';
import {
  type ChangeMapModel,
  changeText,
  deltaText,
  medianFigures,
  onScale,
  qualityTexts,
} from '../../model/comparison.ts';
import { shownName } from '../../model/names.ts';

const WIDTH = 130;

interface ChangedLinksProps {
  report: ReportData;
  pods: ChangeMapModel['pods'];
  /** Whether the range "after" was asked for. */
  withAfter: boolean;
  onOpen(link: { from: string; to: string }): void;
}

/** The links that changed most, worst first, each as a dumbbell on a log scale from 0.1 ms to 1 s. */
export function ChangedLinks({ report, pods, withAfter, onOpen }: ChangedLinksProps) {
  const { changed, unlisted, figures, cluster } = report;
  const labels = useMemo(() => new Map(pods.map(({ uid, label }) => [uid, label])), [pods]);
  const more = `${plural(unlisted.links, changed.length > 0 ? 'more link' : 'link')} changed by `;
  return (
    <>
      <p className="change-keys second">
        p50 in ms{' '}
        {RANGE_NAMES.slice(0, withAfter ? 3 : 2).map((name) => (
          <Fragment key={name}>
            <span className={`dot is-${name}`} /> {name}{' '}
          </Fragment>
        ))}
        <span className="dot is-problem" /> slow from {cluster.slowLinkMs} ms
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="changed-frame" aria-label="Links that changed most" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Link</th>
              <th scope="col">Before</th>
              <th scope="col">During</th>
              {withAfter && <th scope="col">After</th>}
              <th scope="col" className="wide-only">
                p50, log scale
              </th>
              <th scope="col">Change</th>
            </tr>
          </thead>
          <tbody>
            {changed.map((link) => (
              <LinkRow
                key={`${link.fromUid} ${link.toUid} ${link.ipv6}`}
                link={link}
                labels={labels}
                withAfter={withAfter}
                slowUs={cluster.slowLinkMs * 1000}
                onOpen={onOpen}
              />
            ))}
          </tbody>
        </table>
      </section>
      <p className="change-rest second">
        {unlisted.links > 0 &&
          `${more}${unlisted.maxChangeUs < 50 ? 'less than 0.1 ms' : `at most ${deltaText(unlisted.maxChangeUs).slice(1)}`}. `}
        Failed before: {countText(figures.all.before?.failed ?? 0)}, during: {countText(figures.all.during.failed)}.
      </p>
    </>
  );
}

interface LinkRowProps extends Pick<ChangedLinksProps, 'withAfter' | 'onOpen'> {
  link: ChangedLink;
  labels: ReadonlyMap<string, string>;
  slowUs: number;
}

function LinkRow({ link, labels, withAfter, slowUs, onOpen }: LinkRowProps) {
  const { fromUid, toUid, before, during, after, affected } = link;
  const label = (uid: string, name: string) => labels.get(uid) ?? shownName(name);
  const tone = !affected ? '' : link.change === 'fails-more' ? 'tone-failed' : 'tone-slow';
  return (
    <tr>
      <th scope="row">
        <button type="button" className="link-button" onClick={() => onOpen({ from: fromUid, to: toUid })}>
          {label(fromUid, link.from)} → {label(toUid, link.to)}
          {link.ipv6 ? ' (IPv6)' : ''}
        </button>
      </th>
      <Figures link={before} tone="" />
      <Figures link={during} tone={tone} />
      {withAfter && <Figures link={after} tone="" />}
      <td className="wide-only">
        <Dumbbell
          medians={[before, during, withAfter ? after : null].map((range) => range?.p50Us ?? -1)}
          slowUs={slowUs}
          isWorse={affected}
        />
      </td>
      <td className={tone}>{changeText(link)}</td>
    </tr>
  );
}

function Figures({ link, tone }: { link: LinkSummary | null; tone: string }) {
  return (
    <td className={tone}>
      {medianFigures(link).map((figure) => (
        <span className="changed-figure" key={figure}>
          {figure}
        </span>
      ))}
      {qualityTexts(link).map((note) => (
        <small className="changed-note second" key={note}>
          {note}
        </small>
      ))}
    </td>
  );
}

/** `medians`: us, by range; -1 without one. */
function Dumbbell({ medians, slowUs, isWorse }: { medians: readonly number[]; slowUs: number; isWorse: boolean }) {
  const x = (us: number) => 6 + onScale(us) * (WIDTH - 12);
  const [beforeUs = -1, duringUs = -1] = medians;
  return (
    <svg className={isWorse ? 'dumbbell is-worse' : 'dumbbell'} viewBox={`0 0 ${WIDTH} 16`} aria-hidden="true">
      <path stroke="var(--hairline)" d={`M0 8H${WIDTH}`} />
      <path stroke="var(--slow-link)" strokeDasharray="2 2" d={`M${x(slowUs)} 1V15`} />
      {beforeUs >= 0 && duringUs >= 0 && <path className="is-during" d={`M${x(beforeUs)} 8H${x(duringUs)}`} />}
      {RANGE_NAMES.map((name, i) => {
        const us = medians[i] ?? -1;
        return us >= 0 ? <circle key={name} className={`is-${name}`} cx={x(us)} cy="8" r="4" /> : null;
      })}
    </svg>
  );
}
