import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Relative URLs, so that the dashboard works behind a proxy at any path.
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../src/vulneuron/server/static",
    emptyOutDir: true,
    // The content security policy allows no data: fonts or scripts; images stay files, too.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { "/api": process.env["VULNEURON_API"] ?? "http://127.0.0.1:8642" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
  // Svelte's browser build, also where Vitest would take the one for servers.
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
});
