import type { Config } from './config/config.ts';
import { parseDurationMs } from './config/duration.ts';
import type { MeshSettings } from './contract/mesh.ts';
import type { Clock } from './contract/seams.ts';
import type { Answers } from './http/answers.ts';
import type { Collector } from './mesh/collector.ts';
import { namedFindings } from './mesh/findings/named.ts';
import type { createHeatmapPainter } from './mesh/heatmap/painter.ts';
import { InTurn } from './mesh/in-turn.ts';
import { hypothesisOf } from './mesh/report/hypothesis.ts';
import { createReporter } from './mesh/report/reporter.ts';
import { verdictOn } from './mesh/verdict/verdicts.ts';
import type { OwnView } from './own-view.ts';

/** What hypotheses are judged by. */
export interface HypothesesParts {
  clock: Clock;
  own: OwnView;
  collector: Collector;
  painter: ReturnType<typeof createHeatmapPainter>;
  past: Answers['past'];
  events: Answers['events'];
  annotations: Answers['annotations'];
  settings(): MeshSettings;
}

/** Verdicts that may wait to be judged: in the time there is no more than a few large ones are. */
const MAX_JUDGED = 64;

/** The part of the wiring that says what stands out, and whether what somebody expects holds. */
export function hypothesisAnswers(
  config: Config,
  { clock, own, collector, painter, past, events, annotations, settings }: HypothesesParts,
): Pick<Answers, 'findings' | 'verdict' | 'report'> {
  const parts = {
    ...{ clock, settings, parseDuration: parseDurationMs, collectPast: past.mesh, servedBy: () => own.selfName },
    collect: collector.collect,
    judging: new InTurn(MAX_JUDGED, 'too many verdicts asked for at once, ask again'),
  };
  const reporter = createReporter(config, {
    ...{ clock, events, past: past.mesh, paint: painter.paint },
    annotations: annotations.read,
  });
  return {
    findings: namedFindings,
    verdict: (query) => verdictOn(query, parts),
    report: async ({ expect, ...wish }) => {
      const hypothesis = hypothesisOf(expect, parts);
      if (typeof hypothesis === 'string') return { mistake: hypothesis };
      return { report: await reporter.report({ ...wish, hypothesis }) };
    },
  };
}
