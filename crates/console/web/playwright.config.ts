import { execSync } from "node:child_process";
import { defineConfig } from "@playwright/test";

const chromium = process.env["CHROMIUM"] ?? execSync("which chromium").toString().trim();
const root = process.getuid?.() === 0;

export default defineConfig({
  testDir: "tests",
  // One person at a time, as in the control room; the machine may be busy.
  workers: 1,
  timeout: 60_000,
  globalTimeout: 600_000,
  expect: { timeout: 20_000 },
  reporter: "list",
  use: {
    baseURL: process.env["TIELINE_URL"] ?? "http://127.0.0.1:8090",
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath: chromium, args: root ? ["--no-sandbox"] : [] },
  },
});
