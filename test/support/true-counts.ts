import { expect } from 'vitest';
import type { Finding } from '../../server/protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_NOT_YET, FLAG_SLOW, unpack16 } from '../../server/protocol/links.ts';
import { isJudged } from '../../server/protocol/pod.ts';
import { type MeshBuilder, settingsOf } from './mesh.ts';

interface Link {
  from: number;
  to: number;
  isBad: boolean;
}

/**
 * Counts the links of a mesh again, and expects that the findings about pods and nodes name the same numbers: in the counts of
 * the detail, and in `all 3 others`, `2 of the 3 pods that can tell`, `none of the 3 others` of the title.
 */
export function expectTrueCounts(builder: MeshBuilder, findings: readonly Finding[]): void {
  for (const finding of findings) {
    const counted = /^(\d+) of (\d+) links (into|out of) (?:it|them) /.exec(finding.detail);
    // The pods of a cut-off side are no single subject.
    if (counted === null || finding.kind === 'cut-off') continue;
    const [, affected, of, direction] = counted;
    expect([finding.title, Number(affected), Number(of)]).toEqual([finding.title, finding.affected, finding.of]);
    expectTrueTitle(builder, finding, linksOf(builder, finding, direction === 'into'), direction === 'into');
  }
}

function expectTrueTitle(builder: MeshBuilder, finding: Finding, links: Link[], isInto: boolean): void {
  const { title, detail, pods, affected, of } = finding;
  const bad = links.filter(({ isBad }) => isBad).length;
  const notCounted = Number(/ (\d+) more (?:is|are) not counted/.exec(detail)?.[1] ?? 0);
  const told = { title, detail };
  expect({ ...told, isPossible: affected <= of && affected <= bad }).toEqual({ ...told, isPossible: true });
  expect({ ...told, links: of + notCounted }).toEqual({ ...told, links: links.length });

  const [, all, who] = /(?:all|none of the) (\d+) (others|pods that [a-z ]+?)(?:,| slowly|:|$)/.exec(title) ?? [];
  if (all !== undefined) {
    const own =
      finding.kind === 'node'
        ? builder.pods.filter((pod, i) => isJudged(pod) && isSameNode(builder, pods[0]!, i))
        : [0];
    const others = builder.pods.filter(isJudged).length - own.length;
    const far = new Set(links.map(({ from, to }) => (isInto ? from : to)));
    if (who === 'others')
      expect({ ...told, all: Number(all), bad }).toEqual({ ...told, all: others, bad: links.length });
    else expect({ ...told, isSome: Number(all) <= far.size }).toEqual({ ...told, isSome: true });
    // "All" means that every counted link is bad.
    expect({ ...told, affected }).toEqual({ ...told, affected: of });
  }
  const [, only, part, whole, unit] = /(only )?(\d+) of (?:the )?(\d+) (links|others|pods)/.exec(title) ?? [];
  if (part !== undefined) {
    const expected = only === undefined ? affected : of - affected;
    // Pods that have one finding, because they have one owner and one symptom, are counted each; links are counted together.
    const times = finding.kind === 'node' || unit === 'links' ? 1 : pods.length;
    const numbers = { part: Number(part) * times, whole: Number(whole) * times };
    expect({ ...told, ...numbers }).toEqual({ ...told, part: expected, whole: of });
  }
}

/** The probed links that a finding is about: into or out of its pods; of a node those from or to other nodes. */
function linksOf(builder: MeshBuilder, { kind, title, pods }: Finding, isInto: boolean): Link[] {
  const slowUs = settingsOf().slowLinkMs * 1000;
  const isIntermittent = title.includes('intermittent');
  const isSlow = !isIntermittent && /are slow|slow from|slow to|slowly/.test(title);
  const found: Link[] = [];
  for (const { pod: from, links } of builder.reports) {
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i]!;
      const flags = links.flags[i]!;
      if (from === to || (flags & FLAG_NOT_YET) !== 0 || !isJudged(builder.pods[from]!) || !isJudged(builder.pods[to]!))
        continue;
      const [own, far] = isInto ? [to, from] : [from, to];
      const isAbout =
        kind === 'node' ? isSameNode(builder, pods[0]!, own) && !isSameNode(builder, own, far) : pods.includes(own);
      if (!isAbout) continue;
      const isLossy = (flags & FLAG_INTERMITTENT) !== 0;
      const isFailed = links.outcome[i] !== 0;
      const isLate = !isFailed && ((flags & FLAG_SLOW) !== 0 || unpack16(links.totalUs[i]!) >= slowUs);
      found.push({ from, to, isBad: isIntermittent ? isLossy : !isLossy && (isSlow ? isLate : isFailed) });
    }
  }
  return found;
}

function isSameNode({ pods }: MeshBuilder, a: number, b: number): boolean {
  return pods[a]?.node === pods[b]?.node;
}
