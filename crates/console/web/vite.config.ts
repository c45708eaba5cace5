import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte({ compilerOptions: { runes: true } })],
  build: { target: "es2023", modulePreload: { polyfill: false } },
  // `cargo run -p console --example preview` beside `npx vite`: the page reloads as it is written.
  server: { proxy: { "/api": "http://127.0.0.1:8090" } },
});
