import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { BROWSER_MS, openBrowser, type Person, SOON_MS, signInAs, visit } from "../support/chromium.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let admin: Person;
const TEST_MS = 120_000;
const PAGES = [
  "/",
  "/tasks",
  "/tasks/shown",
  "/dead-letters",
  "/schedules",
  "/workers",
  "/guards",
  "/events",
  "/ledger",
  "/files",
];
const BYTES_MAX = 300_000;
const INTERACTIVE_MS_MAX = 1_000;

beforeAll(async () => {
  await openBrowser();
  stack = await startTaskStack();
  ({ admin } = await stack.run());
  const dead = { task_type: "simulate", max_attempts: 1, payload: { duration_ms: 1, failure_rate: 1 } };
  await stack.submit({ ...dead, task_id: "shown" });
  await stack.untilPhase("shown", "dead", 30_000);
  await stack.call("POST", `/api/breakers/${encodeURIComponent("https://stopped.example")}/open`, {});
  await stack.call("PUT", "/api/limits", { scope: "type", name: "shown", rate_per_second: 5 });
  await stack.call("POST", "/api/queues/shown/pause", { reason: "to be seen" });
  await stack.call("POST", "/api/events", [{ type: "t", level: "error", message: "something to see" }]);
}, BROWSER_MS);
afterAll(() => stack.close(), TEST_MS);

async function seriousFaults(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger, which the page's policy does not hold up.
  await page.evaluate(axe.source);
  const results = (await page.evaluate("axe.run()")) as axe.AxeResults;
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 160)} (${node.failureSummary ?? ""})`),
    );
}

async function settled(page: Page, path: string): Promise<void> {
  await page.evaluate(
    `history.pushState(null, "", ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent("popstate"))`,
  );
  await page.getByRole("heading", { level: 1 }).waitFor();
  const busy = page.locator("[aria-busy=true]");
  await untilTrue(async () => (await busy.count()) === 0, SOON_MS, `what ${path} loads`);
}

describe.each([
  { width: 1440, colorScheme: "light" },
  { width: 390, colorScheme: "dark" },
] as const)("at $width px, $colorScheme", (options) => {
  test(
    "no page has a serious fault for those who see little, or nothing, or use no mouse; and none is wider than its screen",
    async () => {
      const { page, context, complaints } = await visit(stack.apiUrl, options);
      const faults = (await seriousFaults(page)).map((fault) => `sign-in: ${fault}`);
      await signInAs(page, admin);
      for (const path of PAGES) {
        await settled(page, path);
        faults.push(...(await seriousFaults(page)).map((fault) => `${path}: ${fault}`));
        const excess = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
        if (excess > 0) faults.push(`${path} is ${excess} px wider than the screen`);
      }
      await settled(page, "/schedules");
      await page.getByRole("button", { name: "New schedule" }).click();
      await page.getByRole("dialog").waitFor();
      faults.push(...(await seriousFaults(page)).map((fault) => `a dialog: ${fault}`));
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      for (const button of ["Stop calls to a host …", "Set a limit …", "Pause a lane or a type …"]) {
        await settled(page, "/guards");
        await page.getByRole("button", { name: button }).click();
        await page.getByRole("dialog").waitFor();
        faults.push(...(await seriousFaults(page)).map((fault) => `${button}: ${fault}`));
        await page.getByRole("dialog").getByRole("button", { name: "Leave it" }).click();
      }
      await settled(page, "/events?live=on");
      faults.push(...(await seriousFaults(page)).map((fault) => `the live tail: ${fault}`));
      expect(faults).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    },
    TEST_MS,
  );
});

test(
  "everything that the page can load weighs less than 300 KB, and it can be used within a second",
  async () => {
    const { page, context } = await visit(stack.apiUrl);
    await signInAs(page, admin);
    for (const path of PAGES) await settled(page, path);
    const transferred = Number(
      await page.evaluate(
        `performance.getEntriesByType("resource").filter(({ name }) => name.includes("/assets/"))
          .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`,
      ),
    );
    expect(transferred).toBeGreaterThan(10_000);
    expect(transferred).toBeLessThan(BYTES_MAX);
    await context.close();

    const tookMs: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const { page: fresh, context: own } = await visit(stack.apiUrl);
      await fresh.getByLabel("Email").waitFor();
      tookMs.push(Number(await fresh.evaluate("performance.now()")));
      await own.close();
    }
    // The best of five: others keep the machine busy, and none of them can make it faster than it is.
    expect(Math.min(...tookMs)).toBeLessThan(INTERACTIVE_MS_MAX);
  },
  TEST_MS,
);

test(
  "a list of ten thousand tasks keeps a few rows in the document, and scrolls to its end",
  async () => {
    const wish = { task_type: "long.list", delay: 86_400, payload: {} };
    await stack.submitAll(Array.from({ length: 10_000 }, () => wish));
    const { page, context } = await visit(`${stack.apiUrl}/tasks?type=long.list`);
    await signInAs(page, admin);
    await page.getByRole("row").nth(5).waitFor();
    // Not by waitForFunction, which evaluates text in the page: its policy forbids that.
    const scroll = `document.querySelector(".rows .window").scrollTo(0, 1e9),
      document.querySelector(".rows").getAttribute("aria-rowcount")`;
    await untilTrue(async () => (await page.evaluate(scroll)) === "10001", SOON_MS * 2, "all rows");
    expect(await page.getByRole("row").count()).toBeLessThan(100);
    await context.close();
  },
  TEST_MS,
);

test(
  "everything on a page can be reached and used by keyboard alone",
  async () => {
    const { page, context } = await visit(stack.apiUrl);
    await page.getByLabel("Email").focus();
    await page.keyboard.type(admin.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(admin.password);
    await page.keyboard.press("Enter");
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    const focused = () => page.evaluate("document.activeElement?.textContent ?? ''");
    for (let presses = 0; (await focused()) !== "To the content" && presses < 3; presses++)
      await page.keyboard.press("Tab");
    expect(await focused()).toBe("To the content");
    for (let presses = 0; !String(await focused()).startsWith("Dead letters") && presses < 12; presses++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Dead letters", level: 1 }).waitFor();
    const isInContent = async () => (await page.evaluate("document.activeElement?.id")) === "content";
    await untilTrue(isInContent, TEST_MS, "the focus is in the content");
    await context.close();
  },
  TEST_MS,
);

test("the page allows no script or style of others, is asked for again each time, and its parts never are", async () => {
  const page = await fetch(stack.apiUrl, { headers: { Accept: "text/html", "Accept-Encoding": "gzip" } });
  const policy = page.headers.get("Content-Security-Policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  expect(page.headers.get("Cache-Control")).toBe("no-cache");
  const html = await page.text();
  const [asset = ""] = /\/assets\/main-[^"]+/.exec(html) ?? [];
  const response = await fetch(`${stack.apiUrl}${asset}`, { headers: { "Accept-Encoding": "br" } });
  expect(response.headers.get("Cache-Control")).toContain("immutable");
  expect((await fetch(`${stack.apiUrl}/assets/none.js`)).status).toBe(404);
  expect((await fetch(`${stack.apiUrl}/nowhere`)).status).toBe(404);
});
