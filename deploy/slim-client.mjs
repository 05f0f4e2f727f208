/**
 * An esbuild plugin that leaves out of the server's bundle what weighs most of its dependencies and is never run: it
 * takes about 16 MiB off the resident memory of every pod. What is replaced, and why nothing is missed:
 *
 * - The Kubernetes client's generated API classes and models (800 files). Its KubeConfig, which is all we use of the
 *   client, takes two small things from their index; reading kubeconfigs and preparing credentials need none of them.
 * - `whatwg-url` (by way of node-fetch): for platforms whose `url` has no URL class.
 * - `iconv-lite` (by way of express' body-parser): tables for every charset of history. TextDecoder knows those of the web.
 * - `openid-client`, `jsonpath-plus` and `socks-proxy-agent` stay in the bundle, but are run only by a kubeconfig that
 *   asks for them.
 */
export function slimKubernetesClient() {
  return {
    name: 'slim-kubernetes-client',
    setup(build) {
      build.onLoad({ filter: /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]gen[\\/]index\.js$/ }, () => ({
        contents: GENERATED_INDEX,
      }));
      for (const [name, contents] of Object.entries(REPLACEMENTS)) replace(build, name, contents);
    },
  };
}

/** The part of the generated index that `config.js` imports. */
const GENERATED_INDEX = `
  export { createConfiguration } from './configuration.js';
  export { ServerConfiguration } from './servers.js';
`;

/** Modules by the name they are imported under, with what stands in for them. `real:` leads to the module itself. */
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
      // body-parser and raw-body look for these words and answer 415.
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
    // The client hands a string on where a URL is wanted, so that without this no token would ever be refreshed.
    export const discovery = async (issuer, ...args) =>
      (await import('real:openid-client')).discovery(new URL(issuer), ...args);
    export const refreshTokenGrant = async (...args) => (await import('real:openid-client')).refreshTokenGrant(...args);
  `,
  'jsonpath-plus': `exports.JSONPath = (options) => require('real:jsonpath-plus').JSONPath(options);`,
  'socks-proxy-agent': `
    exports.SocksProxyAgent = function (...args) {
      return new (require('real:socks-proxy-agent').SocksProxyAgent)(...args);
    };
  `,
};

/** Has every import of package `name` find `contents` instead; those of `real:name` find the package. */
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
