// SPDX-License-Identifier: AGPL-3.0-or-later
import { defineConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

// One file without anything to load: it can be hosted anywhere, kept on a stick, and opened from there.
export default defineConfig({
  base: './',
  plugins: [viteSingleFile()],
  build: { outDir: '../../build/desk', emptyOutDir: true, target: 'es2022', rollupOptions: { input: 'desk.html' } },
});
