import { describe, expect, it } from 'vitest';
import { isAboutLoss } from '../../../../server/protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_RECOVERED } from '../../../../server/protocol/links.ts';
import { axisStatesOf } from '../../../../web/model/axis-states.ts';
import { foldPicture, foldWords, podLink } from '../../../../web/model/levels.ts';
import { type ChoiceRequest, chooseLinks } from '../../../../web/model/link-choice.ts';
import { linkFacts } from '../../../../web/model/link-facts.ts';
import { shownLinks } from '../../../../web/model/link-filter.ts';
import { stateAt } from '../../../../web/model/links.ts';
import { buildPicture, type Picture } from '../../../../web/model/mesh-view.ts';
import { cellSentence } from '../../../../web/model/messages.ts';
import { LATE_ANSWER, type LinkFault, MeshBuilder, meshOf } from '../../../support/mesh.ts';
import { USUAL } from '../pictures.ts';

const LOSSY: LinkFault = { udp: { windowLost: 20 } };

function pictureOf(builder: MeshBuilder): Picture {
  const mesh = meshOf(builder.pods, builder.reports, { findings: builder.findings() });
  return buildPicture(mesh, USUAL);
}

/** The lossy links of a picture: "1>2". */
function lossyOf({ n, lossy }: Picture): string[] {
  return [...lossy].flatMap((isLossy, pair) => (isLossy === 1 ? [`${Math.floor(pair / n)}>${pair % n}`] : []));
}

describe('a lossy link of the page', () => {
  it.each<[string, LinkFault, (builder: MeshBuilder) => void, boolean]>([
    ['loses datagrams', LOSSY, () => {}, true],
    ['loses few', { udp: { windowLost: 1 } }, () => {}, false],
    ['fails', { ...LOSSY, outcome: 'timeout', phase: 'connect' }, () => {}, false],
    ['is slow', { ...LOSSY, ...LATE_ANSWER }, () => {}, false],
    ['fails now and then', { ...LOSSY, flags: FLAG_INTERMITTENT }, () => {}, false],
    ['failed a moment ago', { ...LOSSY, flags: FLAG_RECOVERED }, () => {}, false],
    ['leads to a starved pod', LOSSY, (builder) => builder.starve(2), false],
    ['comes from a pod that was starved', LOSSY, (builder) => builder.recover(1, 5_000), false],
    ['leads to a pod that was starved', LOSSY, (builder) => builder.recover(2, 5_000), false],
  ])('is one for the findings too: it %s', (_, fault, change, isLossy) => {
    const builder = new MeshBuilder(4).withUdp();
    builder.set(1, 2, fault);
    change(builder);
    const picture = pictureOf(builder);
    expect(lossyOf(picture)).toEqual(isLossy ? ['1>2'] : []);
    expect(picture.lossyLinks).toBe(isLossy ? 1 : 0);
    expect(linkFacts(picture, 1, 2).lossy).toBe(isLossy);
    expect(builder.findings().some(({ kind }) => isAboutLoss(kind))).toBe(isLossy);
  });

  it('is not that of a pod to itself', () => {
    const builder = new MeshBuilder(4).withUdp();
    builder.set(1, 1, LOSSY);
    expect(lossyOf(pictureOf(builder))).toEqual([]);
  });

  it('is drawn on its own above bundles of healthy links, and after slow and failed ones if there are too many', () => {
    const request: ChoiceRequest = { limit: 3, only: 'all', pod: -1, selfLinks: false, onlyBad: true };
    const builder = new MeshBuilder(30).withUdp();
    builder.set(7, 9, LOSSY);
    const lossy = 7 * 30 + 9;
    expect(chooseLinks(pictureOf(builder), request).pairs).toEqual([lossy]);
    // Without bundles it comes before the healthy ones.
    expect(chooseLinks(pictureOf(builder), { ...request, onlyBad: false }).pairs.at(-1)).toBe(lossy);
    expect(chooseLinks(pictureOf(builder), { ...request, only: 'slow' }).pairs).toEqual([]);
    expect(chooseLinks(pictureOf(builder), request).asked).toBe(1);
    const other = `pod:${builder.pods[3]!.name}`;
    expect(chooseLinks(shownLinks(pictureOf(builder), other), request)).toMatchObject({ pairs: [], asked: 0 });
    for (const to of [1, 2]) builder.set(0, to, LATE_ANSWER);
    expect(chooseLinks(pictureOf(builder), request).pairs[0]).toBe(lossy);
    builder.set(0, 3, { outcome: 'refused', phase: 'connect' });
    expect(chooseLinks(pictureOf(builder), request).pairs).not.toContain(lossy);
  });
});

describe('a folded link', () => {
  /** Two pods on each of four nodes. */
  const folded = (change: (builder: MeshBuilder) => void) => {
    const builder = new MeshBuilder(8, { perNode: 2 }).withUdp();
    change(builder);
    return foldPicture(pictureOf(builder), { level: 'node', unfolded: [] });
  };

  it('is lossy if one of its links is, says so, and opens that link', () => {
    const picture = folded((builder) => builder.set(1, 4, LOSSY));
    expect(lossyOf(picture)).toEqual(['0>2']);
    expect(foldWords(picture, 0, 2)).toBe('4 links, 1 loses datagrams');
    expect(cellSentence(picture, 0, 2)).toContain('4 links, 1 loses datagrams');
    expect(podLink(picture, 0, 2)).toEqual({ from: 1, to: 4 });
    expect(stateAt(picture.state[2])).toBe('good');
  });

  it('shows the lossy one of its links rather than a late one, even if many are late', () => {
    const picture = folded((builder) => {
      builder.set(1, 4, LOSSY);
      builder.set(1, 5, { firstByteUs: 20_000 });
      builder.set(0, 5, { firstByteUs: 20_000 });
    });
    expect(podLink(picture, 0, 2)).toEqual({ from: 1, to: 4 });
  });

  it('with one late link, which is lossy too, does not call the healthy ones late', () => {
    const builder = new MeshBuilder(10, { perNode: 5 }).withUdp();
    builder.set(1, 7, { ...LOSSY, firstByteUs: 20_000 });
    const picture = foldPicture(pictureOf(builder), { level: 'node', unfolded: [] });
    expect(stateAt(picture.state[1])).toBe('warning');
    expect(foldWords(picture, 0, 1)).toBe('1 of 25 are late, 1 loses datagrams');
  });

  it('of a node that loses datagrams does not make the node slow', () => {
    const picture = folded((builder) => {
      builder.each((from, to) => from < 6 && to >= 6, LOSSY);
      expect(builder.findings().map(({ kind }) => kind)).toEqual(['node-lossy']);
    });
    expect(picture.mesh.findings.map(({ kind }) => kind)).toEqual(['pod-lossy']);
    expect([...axisStatesOf(picture).rows]).toEqual([-1, -1, -1, -1]);
  });

  it('among the pods of a node is lossy too', () => {
    const picture = folded((builder) => builder.set(2, 3, LOSSY));
    expect(lossyOf(picture)).toEqual(['1>1']);
  });

  it('that fails stays failed, and says both', () => {
    const picture = folded((builder) => {
      builder.set(1, 4, LOSSY);
      builder.set(0, 4, { outcome: 'refused', phase: 'connect' });
    });
    expect(stateAt(picture.state[2])).toBe('failed');
    expect(foldWords(picture, 0, 2)).toBe('1 of 4 fail, 1 loses datagrams');
    expect(podLink(picture, 0, 2)).toEqual({ from: 0, to: 4 });
  });
});
