import { defineConfig } from 'vite';

/** The page: relative links (it works under any sub-path), the inline script and style of index.html alone (server/http/app.ts allows them). */
export default defineConfig({
  root: 'web',
  base: './',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // One style for all: a view that comes later must not come without its own.
    cssCodeSplit: false,
    rollupOptions: {
      output: {
        // Only charts and axes use scales, and they are loaded later. Without this rule they come with the graph's parts of d3.
        manualChunks: (id) => {
          if (!/node_modules\/d3-/.test(id)) return undefined;
          return /\/d3-(scale|time|time-format|format)\//.test(id) ? 'scales' : 'd3';
        },
      },
    },
  },
  esbuild: { jsx: 'automatic' },
});
