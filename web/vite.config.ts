// SPDX-License-Identifier: AGPL-3.0-or-later
import { defineConfig } from 'vite';

// Every page is an entry of its own, so that the public pages can be served as they lie. The content security policy is
// default-src 'self': nothing may be inlined, neither scripts nor fonts nor pictures.
export default defineConfig({
  base: './',
  plugins: [
    {
      name: 'lethe-dev-server',
      apply: 'serve',
      async configureServer(server) {
        const { devServer } = await import('./dev/server.mjs');
        await devServer(server);
      },
    },
  ],
  build: {
    outDir: '../build/web',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: 'chrome123',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: { input: { app: 'index.html' } },
  },
  server: { host: '127.0.0.1' },
  test: { include: ['test/**/*.test.ts'], reporters: ['default'] },
} as import('vite').UserConfig);
