// From the first look to a block in force, with as many keys and clicks as were promised.
import { readFile } from "node:fs/promises";
import { expect, links, test, type Person } from "./people";

test.describe.configure({ mode: "serial" });

/** An attack may still be under way when the tests begin. */
const STORY = 300_000;

let run: string;

test("the token is gone from the address, and the link works once", async ({ browser, it }) => {
  expect(it.page.url()).not.toContain("login");
  const second = await (await browser.newContext()).newPage();
  await second.goto(links.it);
  await expect(second.getByRole("status")).toContainText("used already");
  expect(second.url()).not.toContain("#");
  await second.context().close();
});

test("one look says whether something is wrong: no key", async ({ it }) => {
  test.setTimeout(STORY + 60_000);
  const strip = it.page.locator("header.top");
  await expect(strip.getByTitle("unacknowledged of priority 1")).toContainText(/[1-9]/, { timeout: STORY });
  await expect(it.page.getByRole("group", { name: "Purdue map" })).toBeVisible();
  // The worst comes first and is picked.
  const first = it.page.locator("a[aria-current='true']").first();
  await expect(first.getByRole("img", { name: "Priority 1" })).toBeVisible();
  expect(it.acts()).toBe(0);
});

test("from a priority 1 alarm to its story: one key", async ({ it }) => {
  await expect(it.page.getByRole("link", { name: /Open story/ })).toBeVisible();
  await it.press("Enter");
  await expect(it.page).toHaveURL(/#\/incident\//);
  await expect(it.page.getByRole("group", { name: "Time across, Purdue levels down" })).toBeVisible();
  expect(it.acts()).toBeLessThanOrEqual(2);
});

test("j and k walk the story, and each step is a link that Back understands", async ({ it }) => {
  const step = it.page.locator("a[aria-current='step']").first();
  const before = await step.getAttribute("href");
  await it.press("k");
  await expect(step).not.toHaveAttribute("href", before ?? "");
  await it.press("j");
  await expect(step).toHaveAttribute("href", before ?? "");
  await it.page.goBack();
  await expect(it.page).toHaveURL(/#\/overview$/);
  await it.page.goForward();
  await expect(it.page).toHaveURL(/#\/incident\//);
  it.acts();
});

test("from an alarm to its packets: two keys", async ({ it }) => {
  await expect(it.page.getByRole("link", { name: /^Packets/ })).toBeVisible();
  const download = it.page.waitForEvent("download");
  await it.press("p");
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^tieline-.+-step-\d+\.pcap$/);
  const magic = (await readFile((await file.path()) ?? "")).subarray(0, 4).toString("hex");
  expect(["d4c3b2a1", "4d3cb2a1", "a1b2c3d4", "a1b23c4d", "0a0d0d0a"]).toContain(magic);
  // Enter came before.
  expect(it.acts() + 1).toBeLessThanOrEqual(2);
});

test("from the story to a run that waits: one key", async ({ it }) => {
  await it.press("x");
  await expect(it.page).toHaveURL(/#\/run\//);
  await expect(it.page.getByText("WAITS FOR APPROVAL", { exact: true })).toBeVisible();
  expect(it.acts()).toBeLessThanOrEqual(2);
  run = new URL(it.page.url()).hash;
});

test("before anybody decides it says what stops, what goes on, when it ends and how it is undone", async ({ it }) => {
  for (const heading of ["What stops", "What goes on", "The rule, word for word", "Approvals"]) {
    await expect(it.page.getByRole("heading", { name: heading })).toBeVisible();
  }
  await expect(it.page.getByRole("timer")).toContainText("then it lapses and nothing is done");
  await expect(it.page.getByText(/then it ends by itself/).first()).toBeVisible();
  await expect(it.page.getByText("How it is undone")).toBeVisible();
});

test("Enter decides nothing", async ({ it }) => {
  await it.page.keyboard.press("Enter");
  await it.page.getByRole("button", { name: "Approve ..." }).click();
  await it.page.getByRole("textbox").fill("something else");
  await it.page.keyboard.press("Enter");
  await expect(it.page.getByRole("button", { name: "Approve for IT" })).toBeDisabled();
  await it.keepsNobodyOut();
  await it.page.getByRole("button", { name: "Cancel" }).click();
  await expect(it.page.getByText("WAITS FOR APPROVAL", { exact: true })).toBeVisible();
});

async function approve(person: Person, role: string) {
  await person.click("Approve ...");
  const box = person.page.getByRole("textbox");
  const label = (await person.page.locator("label").innerText()).trim();
  await box.fill(label.replace(/^.*, /s, ""));
  await person.page.keyboard.press("Enter");
  await expect(person.page.getByText("WAITS FOR APPROVAL", { exact: true })).toBeVisible();
  await person.click(`Approve for ${role}`);
  expect(person.acts()).toBe(2);
}

test("IT approves: two clicks and the name", async ({ it }) => {
  await approve(it, "IT");
  await expect(it.page.getByText(/The approval for IT is there/)).toBeVisible();
  await expect(it.page.getByText("WAITS FOR APPROVAL", { exact: true })).toBeVisible();
});

test("another person approves for OT, and the block is in force and ends by itself", async ({ it, ot }) => {
  await expect(ot.page.getByRole("link", { name: /waits? for approval/ })).toBeVisible();
  await ot.visit(run);
  await approve(ot, "OT");
  await expect(ot.page.getByText("IN FORCE", { exact: true })).toBeVisible();
  await expect(ot.page.getByRole("timer")).toContainText(/ends by itself in \d+:\d\d/);
  // The other browser hears of it by itself.
  await expect(it.page.getByText("IN FORCE", { exact: true })).toBeVisible();
});

test("what people do by hand is noted with one click, while it waits", async ({ it }) => {
  const page = it.page;
  const path = `**/api/runs/${run.split("/").at(-1)}`;
  // The control room of a virtual site has answered already: until the click it has not.
  let silent = true;
  await page.route(path, async (route) => {
    if (!silent) return route.continue();
    const body = await (await route.fetch()).json();
    const step = body.steps.find((s: { name: string }) => /control room/i.test(s.name));
    const steps = [...body.steps.filter((s: unknown) => s !== step), { ...step, state: "wait" }];
    await route.fulfill({ json: { ...body, steps } });
  });
  await it.visit("/runs");
  await it.visit(run);
  const done = page.getByRole("button", { name: "Done: the control room knows" });
  await expect(done).toBeVisible();
  await it.keepsNobodyOut();
  const noted = page.waitForResponse((r) => r.request().method() === "POST" && r.url().endsWith("/told"));
  await done.click();
  silent = false;
  expect((await noted).status()).toBe(200);
  await expect(done).toBeHidden();
  await expect(page.getByRole("listitem").filter({ hasText: /tell the control room/i }).first()).toContainText("done");
});

test("one person lifts it, and says why", async ({ it, ot }) => {
  await it.click("Lift ...");
  await it.page.getByRole("textbox").fill("HIST01 is off the network");
  await it.click("Lift the block");
  await expect(it.page.getByText("LIFTED", { exact: true })).toBeVisible();
  await expect(ot.page.getByText("LIFTED", { exact: true })).toBeVisible();
});

test("the story has the decisions", async ({ it }) => {
  await it.page.getByRole("main").getByRole("link", { name: /^INC/ }).click();
  await expect(it.page.getByRole("listitem").filter({ hasText: "HIST01 is off the network" }).first()).toBeVisible();
});

test("a question is answered, and a wrong one is told in words", async ({ it }) => {
  await it.page.keyboard.press("5");
  await it.page.getByRole("textbox").fill("SELECT * FROM conn LIMIT 5");
  await it.page.keyboard.press("Control+Enter");
  await expect(it.page.getByRole("cell").first()).toBeVisible();
  const heard = it.complaints.length;
  await it.page.getByRole("textbox").fill("DROP TABLE conn");
  await it.page.keyboard.press("Control+Enter");
  await expect(it.page.getByRole("alert")).not.toBeEmpty();
  // The browser itself writes a line for an answer that is no 200.
  it.complaints.length = heard;
});

test("every screen has its key", async ({ it }) => {
  await it.page.getByRole("link", { name: "Overview" }).focus();
  for (const [key, screen] of ["overview", "incidents", "runs", "assets", "hunt", "health"].entries()) {
    await it.page.getByRole("main").focus();
    await it.page.keyboard.press(`${key + 1}`);
    await expect(it.page).toHaveURL(new RegExp(`#/${screen}`));
  }
  await it.page.getByRole("main").focus();
  await it.page.keyboard.press("/");
  await expect(it.page.getByRole("searchbox")).toBeFocused();
});

test("nobody's page complained", async ({ it, ot }) => {
  expect([...it.complaints, ...ot.complaints]).toEqual([]);
});
