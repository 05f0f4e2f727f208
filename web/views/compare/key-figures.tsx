import type { Comparison } from '../../pure/compare.ts';
import type { Seen } from '../../pure/compare-words.ts';
import { countText, latencyText, plural, spanText } from '../../pure/figures.ts';

interface KeyFiguresProps {
  comparison: Comparison;
  seen: Seen;
}

/** What the comparison comes to, in five figures. */
export function KeyFigures({ comparison: { pods, targets, figures }, seen }: KeyFiguresProps) {
  const { affected, of, collateral, failed, othersUs } = figures;
  const [only] = targets;
  const aim = targets.size === 1 ? (pods[only ?? 0]?.label ?? '') : plural(targets.size, 'target');
  const facts = [
    [
      'Affected links',
      `${countText(affected)} of ${countText(of)}`,
      of === 0 ? '' : `${Math.round((100 * affected) / of)} %`,
    ],
    [
      'Collateral',
      targets.size === 0 ? '–' : plural(collateral, 'link'),
      targets.size === 0 ? 'no target stands out' : `away from ${aim}`,
    ],
    [
      'Links with failures',
      [failed.before, failed.during, failed.after]
        .filter((count) => count >= 0)
        .map(countText)
        .join(' → '),
      failed.after >= 0 ? 'before, during, after' : 'before, during',
    ],
    [
      'Seen after',
      seen.afterMs === null ? '–' : spanText(seen.afterMs),
      seen.afterMs === null ? 'nothing failed or became slow' : `from ${seen.from}`,
    ],
    [
      'Median of the others',
      `${latencyText(othersUs.before).replace(/ ms$/, '')} → ${latencyText(othersUs.during)}`,
      targets.size === 0 ? 'all links' : `without ${aim}`,
    ],
  ];
  return (
    <dl className="key-figures card">
      {facts.map(([name, figure, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <strong>{figure}</strong>
            <span>{note}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
