import { availableParallelism } from "node:os";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/**
 * Lets xterm.js load where `Object.prototype` is frozen, as Tauri freezes it in the window.
 *
 * There no object can be given a `toString` by assignment, which xterm.js does once, for key codes that it does not use.
 */
function xtermOnFrozenPrototypes(): Plugin {
  const assignment = /\b(\w+)\.toString=(\w+);/g;
  return {
    name: "xterm-on-frozen-prototypes",
    transform(code, id) {
      if (!id.endsWith("/@xterm/xterm/lib/xterm.mjs")) return null;
      const count = code.match(assignment)?.length ?? 0;
      if (count !== 1)
        this.error(`xterm.js assigns toString ${String(count)} times, not once: look at it again`);
      return {
        code: code.replace(assignment, 'Object.defineProperty($1,"toString",{value:$2});'),
        map: null,
      };
    },
  };
}

export default defineConfig({
  plugins: [svelte(), svelteTesting(), xtermOnFrozenPrototypes()],
  clearScreen: false,
  // What is bundled beforehand while developing goes through no plugin.
  optimizeDeps: { exclude: ["@xterm/xterm"] },
  server: { port: 5173, strictPort: true },
  build: {
    // The oldest engines that know OKLCH, color-mix and :has: WebKitGTK 2.40, Safari 16.4, WebView2 111.
    target: ["safari16.4", "chrome111"],
    // The window's CSP allows fonts only from the app itself, so nothing is inlined as a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    environment: "jsdom",
    globals: true,
    include: ["src/**/*.spec.ts"],
    setupFiles: ["src/test/setup.ts"],
    // Each file has a context of its own in threads that stay: with a process for each, most of the time went into jsdom's start.
    pool: "vmThreads",
    // At least two, however few cores there are: one worker alone would have all files share a context, and what one of them
    // leaves behind.
    maxWorkers: Math.max(2, availableParallelism()),
    // A component test under a loaded machine may take seconds only to compile its imports; what it waits for inside has its own
    // deadline in src/test/setup.ts.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
