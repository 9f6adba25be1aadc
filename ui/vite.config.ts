import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
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
    // A component test under a loaded machine may take seconds only to compile its imports.
    testTimeout: 20_000,
  },
});
