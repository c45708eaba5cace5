// Takes the screenshots of the manual: node docs/picture.mjs TIELINE
// The demonstration runs with nobody to act, so that the story has its end: the compressor in surge.
import { spawn, execSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "../crates/console/web/node_modules/@playwright/test/index.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const browserPath = process.env.CHROMIUM ?? execSync("command -v chromium").toString().trim();
const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];

const demo = spawn(process.argv[2], ["demo", "--json", "--speed", "4", "--approvals", "nobody"], {
  stdio: ["ignore", "pipe", "inherit"],
});
let logins;
const over = new Promise((resolve) => {
  createInterface({ input: demo.stdout }).on("line", (line) => {
    const said = JSON.parse(line);
    if (said.type === "console") logins = said.logins;
    if (said.type === "end") resolve();
  });
});

try {
  await over;
  const browser = await chromium.launch({ executablePath: browserPath, args: sandbox });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  await page.goto(logins["m.ito"]);
  await page.waitForURL(/#\/overview$/);
  for (const [hash, file] of [["overview", "overview"], ["incident/INC-1", "story"], ["run/RUN-1", "run"]]) {
    await page.evaluate((to) => (location.hash = `/${to}`), hash);
    await page.waitForTimeout(1500);
    await page.screenshot({ path: here(`${file}.png`) });
  }
  await browser.close();
} finally {
  demo.kill("SIGINT");
}
