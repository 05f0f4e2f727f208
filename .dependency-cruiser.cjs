/* The rules of the house, one per boundary. test/unit/boundaries.test.ts plants a violation of each and
   counts the modules cruised, because a cruiser that reads nothing also reports nothing. */
const DOMAINS = 'discovery|pinging|results|journal|mesh|metrics';

/** A domain may import itself, the contract and packages; everything else is service.ts' to pass in. */
const domain = (name) => ({
  name: `domain-${name}-imports-only-contract`,
  comment: `server/${name} meets other domains only in service.ts, so that each can be read and tested alone.`,
  severity: 'error',
  from: { path: `^server/${name}/` },
  to: { path: '^(server|web|deploy|test)/', pathNot: `^server/(${name}|contract)/` },
});

/** A library has one user, so that replacing it touches one folder. */
const onlyUser = (library, pattern, folder) => ({
  name: `only-${folder.replace(/\W/g, '-')}-uses-${library}`,
  comment: `${library} is known to ${folder} alone.`,
  severity: 'error',
  from: { path: '^(server|web|deploy)/', pathNot: `^${folder}/` },
  to: { path: pattern },
});

module.exports = {
  forbidden: [
    {
      name: 'contract-imports-nothing-of-ours',
      comment: 'The contract is what processes agree on; the web imports it too, so it must not drag a server in.',
      severity: 'error',
      from: { path: '^server/contract/' },
      to: { path: '^(server|web|deploy|test)/', pathNot: '^server/contract/' },
    },
    {
      name: 'contract-runs-in-a-browser',
      comment: 'The web imports the contract: nothing of Node in it, and of packages only the validator.',
      severity: 'error',
      from: { path: '^server/contract/' },
      to: { dependencyTypes: ['core', 'npm'], pathNot: 'node_modules/valibot/' },
    },
    {
      name: 'config-imports-nothing-of-ours',
      comment: 'Configuration is read first and by itself.',
      severity: 'error',
      from: { path: '^server/config/' },
      to: { path: '^(server|web|deploy|test)/', pathNot: '^server/config/' },
    },
    ...DOMAINS.split('|').map(domain),
    {
      name: 'http-sees-domains-as-types',
      comment: 'Routes get what they serve from service.ts; importing a domain would let a request reach around it.',
      severity: 'error',
      from: { path: '^server/http/' },
      to: {
        path: `^server/(${DOMAINS}|service|main)`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'web-sees-only-contract',
      comment: 'The page knows the server by its answers.',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^(server|deploy|test)/', pathNot: '^server/contract/' },
    },
    {
      name: 'web-pure-is-pure',
      comment: 'Layout, colour, scales and ordering are tested without React and without a DOM.',
      severity: 'error',
      from: { path: '^web/pure/' },
      to: { path: '^web/(?!pure/)|node_modules/(react|react-dom)/' },
    },
    {
      name: 'local-cluster-is-outside-the-server',
      comment: 'deploy/local starts the built server as a process; neither knows the other.',
      severity: 'error',
      from: { path: '^server/' },
      to: { path: '^(deploy|web)/' },
    },
    {
      name: 'local-cluster-imports-only-contract',
      comment: 'deploy/local starts the built server as a process; it may share the contract, nothing else.',
      severity: 'error',
      from: { path: '^deploy/' },
      to: { path: '^(server|web)/', pathNot: '^server/contract/' },
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
      comment: 'express is known to server/http alone (the local cluster has an HTTP server of its own).',
      severity: 'error',
      from: { path: '^(server|web)/', pathNot: '^server/http/' },
      to: { path: 'node_modules/(express|helmet|compression)/' },
    },
    {
      name: 'no-circular',
      comment: 'A circle cannot be read from either end. Types alone may meet: they are gone when the program runs.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-rooms-nobody-owns',
      comment: 'A folder named utils, helpers, common or types is a room nobody owns.',
      severity: 'error',
      from: {},
      to: { path: '/(utils?|helpers?|common|types|misc)(/|[.]tsx?$)', pathNot: 'node_modules/' },
    },
    {
      name: 'resolvable',
      comment: 'An import that resolves to nothing.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
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
