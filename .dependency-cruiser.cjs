/* The rules of imports, one per boundary. test/unit/boundaries.test.ts plants one violation of each rule and counts the
   modules that were read, because a checker that reads nothing also reports nothing. Type-only imports count everywhere. */

/* Folders that measure, remember or draw. None of them imports another one; monitor.ts and service.ts connect them, and peers
   merges what events remembers. */
const DOMAINS = ['discovery', 'probing', 'results', 'events', 'metrics', 'heatmap-png'];
/* Everything of the project that a folder may not import, unless its rule names it. */
const OURS = '^(server|web|deploy|test)/';

/** A rule: files below `folder` import, of this project, only what matches `allowed` (folders or files below server/). */
const imports = (folder, allowed, comment) => ({
  name: `server-${folder}`,
  comment,
  severity: 'error',
  from: { path: `^server/${folder}/` },
  to: { path: OURS, pathNot: `^server/(${[folder, ...allowed].join('|')})/` },
});

/** A rule: a library has one user, so that replacing it touches one folder. */
const onlyUser = (library, pattern, folder) => ({
  name: `only-${folder.replace(/\W/g, '-')}-uses-${library}`,
  comment: `Only ${folder} imports ${library}, so that replacing it touches one folder.`,
  severity: 'error',
  from: { path: '^(server|web|deploy)/', pathNot: `^${folder}/` },
  to: { path: pattern },
});

module.exports = {
  forbidden: [
    imports(
      'runtime',
      [],
      'runtime (clock, errors, concurrency, addresses) is the ground floor: everybody may import it.',
    ),
    imports('config', ['runtime'], 'Configuration is read first and depends on nothing that it configures.'),
    imports(
      'protocol',
      ['runtime'],
      'The protocol is what processes agree on; the page imports it, so it must not pull in the server.',
    ),
    {
      name: 'protocol-runs-in-a-browser',
      comment: 'The page imports protocol and findings: nothing of Node in them, and of packages only the validator.',
      severity: 'error',
      from: { path: '^server/(protocol|analysis/findings)/' },
      to: { dependencyTypes: ['core', 'npm'], pathNot: 'node_modules/valibot/' },
    },
    ...DOMAINS.map((folder) =>
      imports(
        folder,
        ['protocol', 'runtime'],
        `server/${folder} meets the other folders only in monitor.ts and service.ts, so that it can be read and tested alone.`,
      ),
    ),
    imports(
      'analysis',
      ['heatmap-png', 'protocol', 'runtime'],
      'Analysis is pure: it gets a mesh and gives JSON. It knows nothing of where the mesh came from.',
    ),
    imports(
      'peers',
      ['analysis', 'events', 'results', 'protocol', 'runtime'],
      "peers asks other pods, and merges their answers with this pod's own events; findings are part of a merged mesh; copies of other pods are results and journals.",
    ),
    imports(
      'goldpinger',
      ['peers', 'analysis', 'protocol', 'runtime'],
      "goldpinger turns a merged mesh into Goldpinger's JSON.",
    ),
    imports(
      'http',
      ['goldpinger', 'peers', 'analysis', 'events', 'metrics', 'heatmap-png', 'protocol', 'runtime', 'config'],
      'Routes get the parts that they serve from service.ts. They never measure: no probing, results or discovery.',
    ),
    {
      name: 'monitor-is-below-service',
      comment: "monitor.ts is this pod's own part. It does not know the mesh, the metrics or HTTP.",
      severity: 'error',
      from: { path: '^server/monitor[.]ts$' },
      to: { path: OURS, pathNot: '^server/(config|runtime|protocol|discovery|probing|results|goldpinger|peers)/' },
    },
    {
      name: 'service-is-below-main',
      comment: 'service.ts connects the parts; only main.ts knows the process around it.',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/main[.]ts$' },
      to: { path: '^server/(main[.]ts|config/process[.]ts)' },
    },
    {
      name: 'folders-do-not-know-the-wiring',
      comment: 'The wiring (files right below server/) imports the folders, never the other way round.',
      severity: 'error',
      from: { path: '^server/[^/]+/' },
      to: { path: '^server/[^/]+[.]ts$' },
    },
    {
      name: 'web-sees-only-protocol',
      comment:
        'The page knows the server by its answers; findings at another threshold are its analysis, run on the page.',
      severity: 'error',
      from: { path: '^web/', pathNot: '^web/model/findings-at[.]ts$' },
      to: { path: '^(server|deploy|test)/', pathNot: '^server/(protocol|runtime)/' },
    },
    {
      name: 'web-analysis-is-that-of-the-server',
      comment: 'Only findings can be worked out on the page.',
      severity: 'error',
      from: { path: '^web/model/findings-at[.]ts$' },
      to: { path: '^(server|deploy|test)/', pathNot: '^server/(protocol|runtime|analysis/findings)/' },
    },
    {
      name: 'web-model-is-pure',
      comment: 'What the views show is computed and tested without React, without a DOM and without requests.',
      severity: 'error',
      from: { path: '^web/model/' },
      to: { path: '^web/(?!model/)|node_modules/(react|react-dom)/' },
    },
    {
      name: 'web-data-has-no-react',
      comment: 'Requests, stream and worker know the model; they do not know who draws.',
      severity: 'error',
      from: { path: '^web/data/' },
      to: { path: '^web/(?!data/|model/)|node_modules/(react|react-dom)/' },
    },
    {
      name: 'web-views-are-apart',
      comment: 'A view can be read, changed and loaded without the others. What two views need is a component.',
      severity: 'error',
      from: { path: '^web/views/([^/]+)/' },
      to: { path: '^web/views/', pathNot: '^web/views/$1/' },
    },
    {
      name: 'web-components-are-below-views',
      comment: 'Components are used by several views and by the app, so they know neither.',
      severity: 'error',
      from: { path: '^web/components/' },
      to: { path: '^web/(views|app)/' },
    },
    {
      name: 'web-views-are-below-app',
      comment: 'The app decides which view is shown; a view gets what it needs as properties.',
      severity: 'error',
      from: { path: '^web/views/' },
      to: { path: '^web/(app/|main[.]tsx$)' },
    },
    {
      name: 'server-does-not-know-the-local-cluster',
      comment: 'deploy/local starts the built server as a process; neither imports the other.',
      severity: 'error',
      from: { path: '^server/' },
      to: { path: '^(deploy|web)/' },
    },
    {
      name: 'deploy-imports-only-what-is-shared',
      comment:
        'deploy/local starts the built server as a process; of the server it imports only protocol, runtime and config/settings.ts, the names of the settings.',
      severity: 'error',
      from: { path: '^deploy/' },
      to: { path: '^(server|web)/', pathNot: '^server/(protocol/|runtime/|config/settings[.]ts$)' },
    },
    {
      name: 'nobody-imports-test',
      comment: 'Product code does not know its tests.',
      severity: 'error',
      from: { path: '^(server|web|deploy)/' },
      to: { path: '^test/' },
    },
    onlyUser('client-node', 'node_modules/@kubernetes/client-node/', 'server/discovery'),
    onlyUser('prom-client', 'node_modules/prom-client/', 'server/metrics'),
    {
      name: 'only-http-uses-express',
      comment: 'In the server only http/ imports express; the local cluster serves its own routes with it.',
      severity: 'error',
      from: { path: '^(server|web)/', pathNot: '^server/http/' },
      to: { path: 'node_modules/(express|helmet|compression)/' },
    },
    {
      name: 'no-circular',
      comment: 'A circle cannot be read from either end. Type-only imports count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-folder-without-a-subject',
      comment:
        'Nobody looks after a folder or file named utils, helpers, common, types or misc: name it after its subject.',
      severity: 'error',
      from: {},
      to: { path: '/(utils?|helpers?|common|types|misc)(/|[.]tsx?$)', pathNot: 'node_modules/' },
    },
    {
      name: 'resolvable',
      comment: 'An import that resolves to nothing. dist/ exists only after the build, which comes after this check.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '(^|/)dist/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
