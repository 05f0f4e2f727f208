import { readFileSync } from 'node:fs';

/**
 * An esbuild plugin that leaves the largest unused parts of the dependencies out of the server's bundle. This saves about
 * 16 MiB of resident memory in every pod. test/unit/discovery/bundle.test.ts fails if one of them is needed after all.
 *
 * - The generated API classes and models of the Kubernetes client (800 files). The server uses only the client's
 *   KubeConfig, which reads kubeconfigs and prepares credentials. KubeConfig imports two small modules from their index.
 * - `whatwg-url` (imported by node-fetch) is for platforms without a URL class. Node has one.
 * - `iconv-lite` (imported by express' body-parser) has tables for every historical charset. TextDecoder knows the charsets
 *   of the web.
 * - `mime-db` (imported by express) has 2,500 media types. Reading them takes 10 ms of a start and 1 MiB. The server sends and
 *   takes the few of `MEDIA_TYPES`.
 * - pino's transports and `worker_threads` write the log in a thread of its own, which nobody asks for. Loading them takes 5 ms of a
 *   start.
 * - `encoding` is a package that node-fetch uses if it is installed. Looking for it takes 1 ms of a start.
 * - `jsonpath-plus` is for the auth-provider gcp, which server/discovery/kubeconfig.ts refuses.
 * - `openid-client` and `socks-proxy-agent` stay in the bundle, but are loaded only when a kubeconfig needs them.
 */
export function slimKubernetesClient() {
  return {
    name: 'slim-kubernetes-client',
    setup(build) {
      build.onLoad({ filter: /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]gen[\\/]index\.js$/ }, () => ({
        contents: GENERATED_INDEX,
      }));
      build.onLoad({ filter: /[\\/]pino[\\/]lib[\\/]transport\.js$/ }, () => ({ contents: '' }));
      build.onLoad({ filter: /[\\/]mime-db[\\/]db\.json$/ }, ({ path }) => {
        const all = JSON.parse(readFileSync(path, 'utf8'));
        const missing = MEDIA_TYPES.filter((type) => all[type] === undefined);
        if (missing.length > 0) throw new Error(`${path} does not have ${missing.join(', ')}`);
        const some = Object.fromEntries(MEDIA_TYPES.map((type) => [type, all[type]]));
        return { contents: JSON.stringify(some), loader: 'json' };
      });
      for (const [name, contents] of Object.entries(REPLACEMENTS)) replace(build, name, contents);
    },
  };
}

/** The media types of the page's files, of answers and of requests. */
const MEDIA_TYPES = [
  'application/javascript',
  'application/json',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'image/png',
  'image/svg+xml',
  'image/x-icon',
  'text/css',
  'text/csv',
  'text/html',
  'text/javascript',
  'text/plain',
];

/** Replaces the generated index: the exports that `config.js` of the Kubernetes client imports. */
const GENERATED_INDEX = `
  export { createConfiguration } from './configuration.js';
  export { ServerConfiguration } from './servers.js';
`;

/** What is loaded instead of a module, by the name of the module. `real:NAME` imports the module itself. */
const REPLACEMENTS = {
  'whatwg-url': `module.exports = { URL, URLSearchParams };`,
  'iconv-lite': `
    const known = (encoding) => {
      try {
        return new TextDecoder(encoding);
      } catch {
        return null;
      }
    };
    const decoderOf = (encoding) => {
      const decoder = known(encoding);
      // body-parser and raw-body look for this message and answer with 415.
      if (decoder === null) throw new Error('Encoding not recognized: ' + encoding);
      return decoder;
    };
    module.exports = {
      encodingExists: (encoding) => known(encoding) !== null,
      decode: (bytes, encoding) => decoderOf(encoding).decode(bytes),
      getDecoder(encoding) {
        const decoder = decoderOf(encoding);
        return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() };
      },
    };
  `,
  'openid-client': `
    // The Kubernetes client passes a string where openid-client wants a URL. Without this no token could be refreshed.
    export const discovery = async (issuer, ...args) =>
      (await import('real:openid-client')).discovery(new URL(issuer), ...args);
    export const refreshTokenGrant = async (...args) => (await import('real:openid-client')).refreshTokenGrant(...args);
  `,
  worker_threads: `exports.isMainThread = true;`,
  encoding: ``,
  'jsonpath-plus': `exports.JSONPath = undefined;`,
  'socks-proxy-agent': `
    exports.SocksProxyAgent = function (...args) {
      return new (require('real:socks-proxy-agent').SocksProxyAgent)(...args);
    };
  `,
};

/** Resolves every import of the package `name` to `contents`, and imports of `real:name` to the package. */
function replace(build, name, contents) {
  const namespace = `slim-${name}`;
  build.onResolve({ filter: new RegExp(`^${name}$`) }, (args) =>
    args.pluginData === 'real' ? undefined : { path: name, namespace, pluginData: { resolveDir: args.resolveDir } },
  );
  build.onResolve({ filter: new RegExp(`^real:${name}$`) }, (args) =>
    build.resolve(name, { kind: args.kind, resolveDir: args.resolveDir, pluginData: 'real' }),
  );
  build.onLoad({ filter: /.*/, namespace }, (args) => ({ contents, resolveDir: args.pluginData.resolveDir }));
}
