import { defineConfig, type Plugin } from 'vite';

/**
 * The package `d3` only exports what other packages have, but does not say that loading it has no effect. Without this, the
 * build puts zoom, drag and transitions into the first script, although that needs only arrays and hierarchies of d3.
 */
const d3WithoutEffect: Plugin = {
  name: 'd3-without-effect',
  transform: (_code, id) => (id.endsWith('/node_modules/d3/src/index.js') ? { moduleSideEffects: false } : null),
};

/** The page: relative links (it works under any sub-path), the inline script and style of index.html alone (server/http/app.ts allows them). */
export default defineConfig({
  root: 'web',
  base: './',
  plugins: [d3WithoutEffect],
  worker: { plugins: () => [d3WithoutEffect] },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // One style for all: a view that comes later must not come without its own.
    cssCodeSplit: false,
  },
  esbuild: { jsx: 'automatic' },
});
