// Two people at two browsers, logged in once for all tests, and what their pages complained about.
import { existsSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Browser, type Page } from "@playwright/test";

export { expect };

/** Login links, each good for one login: `http://127.0.0.1:PORT/login#TOKEN`. */
export const links = { it: link("TIELINE_LOGIN_IT"), ot: link("TIELINE_LOGIN_OT") };

export const test = base.extend<object, { it: Person; ot: Person }>({
  it: [async ({ browser }, use) => use(await Person.login(browser, links.it)), { scope: "worker" }],
  ot: [async ({ browser }, use) => use(await Person.login(browser, links.ot)), { scope: "worker" }],
});

function link(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} has to hold a login link`);
  return value;
}

/** A person at a fresh browser. */
export class Person {
  page: Page;
  complaints: string[] = [];
  #acts = 0;

  constructor(page: Page) {
    this.page = page;
    page.on("console", (m) => m.type() === "error" && this.complaints.push(`${m.text()} ${m.location().url}`));
    page.on("pageerror", (e) => this.complaints.push(e.message));
  }

  /** Logs in by `link`, or goes on with what an earlier worker of this run got for it: a link works once. */
  static async login(browser: Browser, link: string): Promise<Person> {
    const kept = `test-results/login-${link.slice(-12)}.json`;
    const before = existsSync(kept);
    const context = await browser.newContext({
      acceptDownloads: true,
      colorScheme: "light",
      reducedMotion: "reduce",
      ...(before ? { storageState: kept } : {}),
    });
    const person = new Person(await context.newPage());
    await person.page.goto(before ? "/#/overview" : link);
    await person.page.waitForURL(/#\/overview$/, { timeout: 20_000 });
    await expect(person.page.getByRole("navigation", { name: "Screens" })).toBeVisible();
    await context.storageState({ path: kept });
    return person;
  }

  /** Goes to a screen by its address and waits until it has drawn. */
  async visit(hash: string): Promise<void> {
    await this.page.evaluate((to) => (location.hash = to), hash);
    await this.page.waitForFunction(() => document.querySelector("main h1, main h2") !== null);
  }

  /** Nothing on the page keeps anybody out (WCAG 2.2 AA). */
  async keepsNobodyOut(): Promise<void> {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const found = await new AxeBuilder({ page: this.page }).withTags(tags).analyze();
    const told = found.violations.map((v) => [this.page.url(), v.id, v.nodes.map((n) => n.html)]);
    expect(told).toEqual([]);
  }

  async press(key: string): Promise<void> {
    this.#acts++;
    await this.page.keyboard.press(key);
  }

  async click(button: string): Promise<void> {
    this.#acts++;
    await this.page.getByRole("button", { name: button, exact: true }).click();
  }

  /** Keys and clicks since this was last asked; typing a name counts as none. */
  acts(): number {
    const acts = this.#acts;
    this.#acts = 0;
    return acts;
  }
}
