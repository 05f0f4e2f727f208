/** A query parameter of a GET. */
const parameter = (name: string, type: 'number' | 'string', description: string) => ({
  name,
  in: 'query',
  required: false,
  type,
  description,
});

const required = (name: string, description: string) => ({ ...parameter(name, 'string', description), required: true });

interface Answer {
  description: string;
}

/** One path that answers GET. */
const get = (
  summary: string,
  produces: string,
  responses: Record<string, Answer>,
  parameters: ReturnType<typeof parameter>[] = [],
) => ({ get: { summary, produces: [produces], parameters, responses } });

const JSON_TYPE = 'application/json';

/** A route that writes; it needs the WRITE_TOKEN. */
const write = (summary: string, responses: Record<string, Answer>) => ({
  summary,
  consumes: [JSON_TYPE],
  produces: [JSON_TYPE],
  security: [{ bearer: [] }],
  parameters: [],
  responses: {
    ...responses,
    401: { description: 'without the WRITE_TOKEN of the pods as bearer token, or with a wrong one' },
    403: { description: 'the pods have no WRITE_TOKEN' },
    429: { description: 'too often' },
    503: { description: 'too much at once' },
  },
});

/** Repeated: `expect=...&expect=...`. */
const EXPECT = {
  ...parameter('expect', 'string', 'A clause of the hypothesis; may be given several times (healthy)'),
  collectionFormat: 'multi',
};
const WINDOW = parameter('window', 'number', 'Window of statistics, ms: whole seconds up to HISTORY_WINDOW; 0 = none');
const STREAM_WINDOW = parameter('window', 'number', 'Window of statistics in ms: 0 (none), 60000 or 300000');
const FROM_AGE = parameter('fromAge', 'number', 'Of the past: the stretch from so many ms ago');
const TO_AGE = parameter('toAge', 'number', 'To so many ms ago (0)');
const FROM = parameter('from', 'string', 'Of the past: the stretch from here, ms since the epoch or RFC 3339');
const TO = parameter('to', 'string', 'To here, likewise (now)');
const ok = (description: string) => ({ 200: { description } });
/** As `ok`, of an answer that one may ask wrongly for, or too often at once. */
const past = (description: string) => ({
  ...ok(description),
  400: { description: 'bad input; the message names the parameter' },
  503: { description: 'too many different ones at once' },
});

const COMPARISON_PARAMETERS = [
  required('from', 'ms since the epoch or RFC 3339: the begin of the range'),
  parameter('to', 'string', 'Its end (now)'),
  parameter('before', 'string', 'FROM-TO in ms: what to compare it with (as long, right before it)'),
  parameter('after', 'string', 'FROM-TO in ms (as long, right after it)'),
  EXPECT,
];
const COMPARISON_ERRORS = {
  400: { description: 'a mistake in the question, with its place' },
  503: { description: 'too many reports at once' },
};

/** Description of what is served (OpenAPI 2.0, as Goldpinger's `/swagger.json`); a test walks it. */
export const OPENAPI = {
  swagger: '2.0',
  info: {
    title: 'goldpinger-ts',
    description: 'Who reaches whom in this cluster, and how fast.',
    version: '',
    license: { name: 'Apache-2.0' },
  },
  basePath: '/',
  securityDefinitions: { bearer: { type: 'apiKey', name: 'Authorization', in: 'header' } },
  paths: {
    '/ping': get('Answers a peer that pings', JSON_TYPE, ok('{boot_time}')),
    '/check': get('What this pod sees of its peers', JSON_TYPE, ok('{podResults, probeResults}')),
    '/check_all': get('What every pod sees', JSON_TYPE, ok('{hosts, responses, probeResults}')),
    '/cluster_health': get('Whether every report answered and every probed link is ok', JSON_TYPE, {
      200: { description: 'healthy: {OK, duration-ns, generated-at, nodesHealthy, nodesUnhealthy, nodesTotal}' },
      418: { description: 'unhealthy: the same, with reasons by node' },
    }),
    '/healthz': get('Liveness of this process', JSON_TYPE, {
      200: { description: '{OK, duration-ns, generated-at}' },
      503: { description: 'it cannot serve; reason says why' },
    }),
    '/readyz': get('Readiness of this process', JSON_TYPE, {
      200: { description: '{OK}' },
      503: { description: 'it is shutting down' },
    }),
    '/metrics': get('Prometheus metrics', 'text/plain', ok('Prometheus text, or OpenMetrics where asked for')),
    '/heatmap.png': get('The mesh as a picture; column = from, report = to', 'image/png', ok('PNG'), [
      parameter('t0', 'number', 'Good below this many ms (1)'),
      parameter('t1', 'number', 'Warning from this many ms (10)'),
      parameter('t2', 'number', 'Problem from this many ms (100)'),
    ]),
    '/api/v1/pod-report': get(
      "This pod's report, compact; now or of a stretch of the past",
      JSON_TYPE,
      past('goldpinger-ts/pod-report/1'),
      [
        ...[WINDOW, FROM_AGE, TO_AGE],
        parameter('peers', 'string', 'peersHash that the asker has: leaves the peers out'),
      ],
    ),
    '/api/v1/mesh': get('The whole mesh, compact; now or as it was', JSON_TYPE, past('goldpinger-ts/mesh/1'), [
      ...[WINDOW, FROM, TO],
      parameter('at', 'string', 'Of the past: as it was at this moment'),
    ]),
    '/api/v1/pod-history': get(
      "The past of this pod's links in steps",
      JSON_TYPE,
      past('goldpinger-ts/pod-history/1'),
      [
        { ...FROM_AGE, required: true },
        TO_AGE,
        required('step', 'ms; at most 720 steps'),
        parameter('to', 'string', 'uid of the probed pod: the history of that link alone'),
      ],
    ),
    '/api/v1/history': get(
      'The past of all links in steps, merged over all pods',
      JSON_TYPE,
      past('{fromMs, toMs, stepMs, resolutionMs, missing, reports, pods, links, failed, byLatency}'),
      [FROM, TO, parameter('step', 'number', 'ms; at most 720 steps (what suits)')],
    ),
    '/api/v1/link-history': get(
      'The past of any link in steps',
      JSON_TYPE,
      { 200: { description: '{steps, resolutionMs, error}' }, 404: { description: 'no such pod' } },
      [required('from', 'uid of the probing pod'), required('to', 'uid of the probed pod')],
    ),
    '/api/v1/samples': get("Recent samples of one of this pod's links", JSON_TYPE, ok('{samples}'), [
      required('to', 'uid of the probed pod'),
    ]),
    '/api/v1/link': get(
      'Recent samples of any link',
      JSON_TYPE,
      { 200: { description: '{samples, error}' }, 404: { description: 'no such pod' } },
      [required('from', 'uid of the probing pod'), required('to', 'uid of the probed pod')],
    ),
    '/api/v1/stream': get(
      'The mesh, then its changes, as server-sent events: head, report ..., end',
      'text/event-stream',
      { 200: { description: 'events' }, 503: { description: 'too many streams' } },
      [STREAM_WINDOW],
    ),
    '/api/v1/verdict': get(
      'Whether a hypothesis holds: flat JSON for chaos tools',
      JSON_TYPE,
      {
        200: {
          description: 'pass: {ok, verdict, reason, expect, clauses, samples, links_checked, p50_ms, violations, ...}',
        },
        400: { description: 'a mistake in the question, with its place' },
        425: { description: 'unknown: too little is known to say either' },
        503: { description: 'fail' },
      },
      [
        EXPECT,
        parameter('window', 'string', 'A Go duration that ends now (30s, or two pings)'),
        parameter('start', 'string', 'Instead: from then on, ms since the epoch or RFC 3339'),
        parameter('end', 'string', 'until then (now)'),
        parameter('status', 'string', 'always200: 200 whatever the verdict'),
        parameter('format', 'string', 'bool: true or false as plain text'),
      ],
    ),
    '/api/v1/report': {
      get: {
        ...get(
          'What happened in a range, compared with the time before and after it: one HTML file, or JSON',
          JSON_TYPE,
          {
            ...COMPARISON_ERRORS,
            200: { description: 'the file, or {title, ranges, verdict, findings, targets, affected, figures, ...}' },
          },
          [
            ...COMPARISON_PARAMETERS,
            parameter('title', 'string', 'The title (made of the findings)'),
            parameter('format', 'string', 'html or json (as the Accept header says)'),
          ],
        ).get,
        produces: [JSON_TYPE, 'text/html'],
      },
    },
    '/api/v1/comparison': get(
      'The report as JSON, and all links behind it in columns',
      JSON_TYPE,
      { ...COMPARISON_ERRORS, 200: { description: 'goldpinger-ts/comparison/1: {report, pods, findings, links}' } },
      COMPARISON_PARAMETERS,
    ),
    '/api/v1/findings': get('What stands out, in words', JSON_TYPE, ok('{generated_at, served_by, findings}')),
    '/api/v1/journal': get('What this pod has seen happen', JSON_TYPE, ok('goldpinger-ts/journal/1'), [
      parameter('sinceAge', 'number', 'The last so many ms (HISTORY_WINDOW)'),
      parameter('limit', 'number', 'At most so many, the newest (1000)'),
    ]),
    '/api/v1/events': get(
      'What happened, merged over all pods',
      JSON_TYPE,
      { 200: { description: '{fromMs, toMs, truncated, missing, events}' }, 503: { description: 'too much at once' } },
      [
        parameter('from', 'string', 'ms since the epoch or RFC 3339 (HISTORY_WINDOW ago)'),
        parameter('to', 'string', 'the same (now)'),
        parameter('limit', 'number', 'At most so many, the newest (1000)'),
      ],
    ),
    '/api/v1/annotations': {
      ...get('All annotations, merged over all pods', JSON_TYPE, ok('{nowMs, missing, annotations}')),
      post: write('Writes an annotation: {id?, from?, to?, text, tags?}; one with the same id is replaced', {
        201: { description: '{annotation, nowMs, taken, missing}' },
        400: { description: 'bad input; the message begins with the field' },
        409: { description: 'there is no room for one that begins before all that are kept' },
        413: { description: 'more than 16 KiB' },
        415: { description: 'not JSON' },
      }),
    },
    '/api/v1/annotations/{id}': {
      delete: write('Deletes an annotation', {
        200: { description: '{annotation, nowMs, taken, missing}' },
        404: { description: 'no such annotation' },
      }),
    },
    '/api/v1/own-annotations': {
      ...get("This pod's copies of the annotations", JSON_TYPE, ok('goldpinger-ts/annotations/3')),
      post: write("Takes another pod's copies", {
        200: { description: '{taken}' },
        400: { description: 'not copies of annotations' },
      }),
    },
    '/swagger.json': get('This description', JSON_TYPE, ok('OpenAPI 2.0')),
  },
};
