// What every screen owes to everybody: read by all, grey when all is well, honest when it hears nothing.
import { gzipSync } from "node:zlib";
import type { Page, Route } from "@playwright/test";
import { expect, Person, test } from "./people";

/** Addresses of all screens, with an incident and a run where there are some. */
async function screens(person: Person): Promise<string[]> {
  const api = async (path: string) => (await person.page.request.get(path)).json();
  const incidents: { id: string }[] = (await api("/api/overview")).incidents;
  const runs: { id: string }[] = await api("/api/runs");
  const told = [...incidents.slice(0, 1).map((i) => `/incident/${i.id}`), ...runs.slice(0, 1).map((r) => `/run/${r.id}`)];
  return ["/overview", "/incidents", "/runs", "/assets", "/hunt?sql=SELECT%20*%20FROM%20conn%20LIMIT%205", "/health", ...told];
}

for (const theme of ["day", "night"]) {
  test(`no screen keeps anybody out by ${theme}`, async ({ ot: person }) => {
    const night = person.page.getByRole("button", { name: "Night" });
    if ((await night.getAttribute("aria-pressed")) !== `${theme === "night"}`) await night.click();
    for (const screen of await screens(person)) {
      await person.visit(screen);
      await person.keepsNobodyOut();
    }
  });
}

test("the same data gives the same map", async ({ ot: person }) => {
  await person.visit("/overview");
  const map = () => person.page.getByRole("group", { name: "Purdue map" }).innerHTML();
  await expect(person.page.getByRole("group", { name: "Purdue map" })).toBeVisible();
  const first = await map();
  await person.visit("/health");
  await person.visit("/overview");
  await expect(person.page.getByRole("group", { name: "Purdue map" })).toBeVisible();
  expect(await map()).toBe(first);
});

test("the story goes on from the controller down to the process", async ({ ot: person }) => {
  const below = new Person(await person.page.context().newPage());
  const page = below.page;
  const [incident] = (await (await page.request.get("/api/overview")).json()).incidents;
  let last = 0;
  await page.route("**/api/incidents/*", async (route) => {
    const body = await (await route.fetch()).json();
    last = body.steps.at(-1).number;
    const since = (s: number, text: string, priority: number) => {
      return { time: body.steps.at(-1).time + s * 1000, tag: "FT-101", equipment: "K-101", text: `FT-101 is ${text}`, priority };
    };
    const effects = [since(9, "31 kg/s, below 55", 1), since(40, "normal again at 60 kg/s", 0), since(50, "30 kg/s, below 55", 1)];
    await route.fulfill({ json: { ...body, effects } });
  });
  await page.goto(`/#/incident/${incident.id}`);
  const picture = page.getByRole("group", { name: "Time across, Purdue levels down" });
  const reaction = picture.getByRole("link", { name: /^The process reacts/ });
  await expect(reaction).toHaveCount(1);
  await page.goto(`/#/incident/${incident.id}/${last}`);
  await page.keyboard.press("j");
  await expect(reaction).toHaveAttribute("aria-current", "step");
  await expect(page.getByRole("heading", { name: "The process reacts · FT-101 · K-101 · L0" })).toBeVisible();
  await expect(page.getByText(`9 s after step ${last}`)).toBeVisible();
  await expect(page.getByRole("link", { name: /^Packets/ })).toBeHidden();
  await below.keepsNobodyOut();
  await page.keyboard.press("j");
  await expect(page.getByRole("heading", { name: "The process is normal again · FT-101 · K-101 · L0" })).toBeVisible();
  await page.keyboard.press("j");
  await page.reload();
  await expect(page.locator("a[aria-current='step']")).toContainText("FT-101 is 30 kg/s, below 55");
  expect(below.complaints).toEqual([]);
  await page.close();
});

test("conduits that are not drawn are counted, and the quiet ones are left out first", async ({ ot: person }) => {
  const page = await person.page.context().newPage();
  await page.route("**/api/overview", async (route) => {
    const body = await (await route.fetch()).json();
    const seen = { ...body.conduits.find((c: { from: string; to: string }) => c.from !== c.to), state: "seen" };
    const conduits = [...Array.from({ length: 410 }, () => seen), { ...seen, state: "alarm", services: ["telnet"] }];
    await route.fulfill({ json: { ...body, conduits } });
  });
  await page.goto("/#/overview");
  await expect(page.getByText(/^11 of 411 conduits are not drawn/)).toBeVisible();
  await expect(page.getByRole("group", { name: "Purdue map" }).getByText("telnet", { exact: true })).toBeVisible();
  await page.close();
});

test("long names of process values are read whole, and stay out of the trends", async ({ ot: person }) => {
  const page = await person.page.context().newPage();
  const long = "flow through the compressor and its recycle line";
  const longer = async (route: Route) => {
    const body = await (await route.fetch()).json();
    await route.fulfill({ json: { ...body, tags: body.tags.map((tag: object) => ({ ...tag, text: long })) } });
  };
  await page.route("**/api/overview", longer);
  await page.route("**/api/incidents/*", longer);
  await page.goto("/#/overview");
  const name = page.getByText(long).first();
  await expect(name).toBeVisible();
  const room = (e: HTMLElement) => [e, e.parentElement!].map((o) => o.scrollWidth - o.clientWidth);
  for (const beyond of await name.evaluate(room)) expect(beyond).toBeLessThanOrEqual(0);
  const [incident] = (await (await page.request.get("/api/overview")).json()).incidents;
  await page.goto(`/#/incident/${incident.id}`);
  const picture = page.getByRole("group", { name: "Time across, Purdue levels down" });
  const line = picture.locator("text", { hasText: /^flow through the/ }).first();
  await expect(line).toBeVisible();
  const [words, plot] = [await line.boundingBox(), await picture.locator(".band").first().boundingBox()];
  expect((words?.x ?? 0) + (words?.width ?? 0)).toBeLessThan(plot?.x ?? 0);
  await page.close();
});

test("a quiet site is grey", async ({ browser, ot: person }) => {
  const context = await browser.newContext({ storageState: await person.page.context().storageState(), colorScheme: "light" });
  const page = await context.newPage();
  // The site as it is, less everything that is abnormal.
  await page.route("**/api/overview", async (route) => {
    const body = await (await route.fetch()).json();
    body.zones.forEach((z: { worst: null }) => (z.worst = null));
    body.conduits.forEach((c: { state: string }) => (c.state = "seen"));
    await route.fulfill({ json: { ...body, alarms: [], incidents: [], rate: body.rate.map(() => 1) } });
  });
  await page.route("**/api/live", async (route) => {
    const status = { ...(await (await page.request.get("/api/status")).json()), alarms: [0, 0, 0], waiting: 0 };
    await route.fulfill({ contentType: "text/event-stream", body: `id: 1\ndata: ${JSON.stringify({ revision: 1, status })}\n\n` });
  });
  for (const screen of ["overview", "incidents", "runs", "assets", "health"]) {
    await page.goto(`/#/${screen}`);
    await page.waitForFunction(() => document.querySelector("main h1, main h2") !== null);
    expect([screen, await colourful(page)]).toEqual([screen, 0]);
  }
  await context.close();
});

/** Pixels whose saturation (HSL) is above 0.12. */
async function colourful(page: Page): Promise<number> {
  const shot = (await page.screenshot()).toString("base64");
  // Counted on a page of its own: that of the console may not read pictures from text.
  const blank = await page.context().newPage();
  const count = await blank.evaluate(async (png) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const brush = canvas.getContext("2d")!;
    brush.drawImage(image, 0, 0);
    const { data } = brush.getImageData(0, 0, image.width, image.height);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [max, min] = [Math.max(data[i]!, data[i + 1]!, data[i + 2]!) / 255, Math.min(data[i]!, data[i + 1]!, data[i + 2]!) / 255];
      const light = (max + min) / 2;
      const saturation = max === min ? 0 : (max - min) / (1 - Math.abs(2 * light - 1));
      if (saturation > 0.12 && max - min > 3 / 255) found++;
    }
    return found;
  }, shot);
  await blank.close();
  return count;
}

test("who hears nothing says so", async ({ ot: person }) => {
  const page = await person.page.context().newPage();
  const status = await (await person.page.request.get("/api/status")).json();
  let heard = false;
  await page.route("**/api/live", async (route) => {
    if (heard) return route.abort();
    heard = true;
    await route.fulfill({ contentType: "text/event-stream", body: `id: 1\ndata: ${JSON.stringify({ revision: 1, status })}\n\n` });
  });
  await page.goto("/#/overview");
  await expect(page.getByText(/no data since \d\d:\d\d:\d\d/)).toBeVisible({ timeout: 5_000 });
  await page.unroute("**/api/live");
  await expect(page.getByText(/no data since/)).toBeHidden();
  await page.close();
});

test("the whole interface is small and comes from one place", async ({ ot: person, baseURL }) => {
  const page = await person.page.context().newPage();
  const hosts = new Set<string>();
  let bytes = 0;
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  page.on("response", async (response) => {
    if (/\/$|\/assets\//.test(new URL(response.url()).pathname)) bytes += gzipSync(await response.body()).length;
  });
  await page.goto("/#/overview", { waitUntil: "load" });
  await expect(page.getByRole("group", { name: "Purdue map" })).toBeVisible();
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(100_000);
  expect([...hosts]).toEqual([new URL(baseURL ?? "").host]);
  await page.close();
});
