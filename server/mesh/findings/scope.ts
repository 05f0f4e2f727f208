import { type Finding, type FindingKind, MAX_FINDING_PODS } from '../../contract/finding.ts';
import type { Causes } from './causes.ts';
import type { Evidence } from './evidence.ts';
import type { Layer } from './layer.ts';
import type { Told } from './told.ts';
import { endingWords, familyWords, lateWords, type Measure, medianWords, percent, whereOfFailure } from './words.ts';

/** One measure, what was told by it and what it came to: what every finding of it is worded from. */
export class Scope {
  readonly told: Told;
  readonly layer: Layer;
  readonly causes: Causes;
  readonly isFailed: boolean;

  constructor(told: Told, layer: Layer, causes: Causes, measure: Measure) {
    this.told = told;
    this.layer = layer;
    this.causes = causes;
    this.isFailed = measure === 'failed';
  }

  /** The finding, with the figures that its evidence gives. */
  finding(
    kind: FindingKind,
    subject: string,
    evidence: Evidence,
    words: Pick<Finding, 'pods' | 'of' | 'title' | 'detail'>,
  ): Finding {
    const ending = this.isFailed ? evidence.ending() : { outcome: null, phase: evidence.latePhase() };
    return {
      ...{ kind, severity: this.isFailed ? 'failed' : 'slow', subject },
      ...{ pods: words.pods.slice(0, MAX_FINDING_PODS), from: evidence.from },
      ...{ affected: evidence.affected, of: words.of },
      ...ending,
      ...evidence.medians(),
      sinceMs: evidence.sinceMs(this.isFailed),
      ...{ title: words.title.slice(0, 400), detail: words.detail.trim().slice(0, 600) },
    };
  }

  /** How it shows and where to look; `where` null: what the outcome itself suggests. */
  how(evidence: Evidence, where: string | null, whose: string): string {
    const family = familyWords(evidence, this.told.bothFamilies);
    if (!this.isFailed) return `${lateWords(evidence, whose)}${family}`;
    const ending = evidence.ending();
    return `${endingWords(ending)}${family}: ${where ?? whereOfFailure(ending)}`;
  }

  /** `3 of 4 links into it fail (75 %).` */
  share(affected: number, of: number, links: string, evidence: Evidence): string {
    const verb = this.isFailed ? 'fail' : 'are slow';
    const median = this.isFailed ? '' : ` ${medianWords(evidence)}`;
    return `${affected} of ${of} ${links} ${verb} (${percent(affected, of)}).${median}`;
  }
}
