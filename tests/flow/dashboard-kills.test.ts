import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { type AlertStack, startAlertStack } from "../support/alert-stack.ts";
import { BROWSER_MS, openBrowser, signInAs, visit } from "../support/chromium.ts";
import { untilTrue } from "../support/running-stack.ts";

const TEST_MS = 300_000;
/** So soon people see that a part died. */
const SEEN_MS_MAX = 5_000;
/** Others keep the machine busy; none of them can make it faster than it is. */
const TURNS_MAX = 3;

let stack: AlertStack;
let page: Page;
beforeAll(async () => {
  await openBrowser();
  stack = await startAlertStack([]);
  ({ page } = await visit(stack.apiUrl));
  await signInAs(page, (await stack.run()).admin);
  await page.getByText("every part is up").waitFor();
}, BROWSER_MS);
afterAll(() => stack?.close(), TEST_MS);

const alertOf = (part: string) =>
  page.getByRole("listitem").filter({ hasText: `${part} does not answer, or died just now` });

/** What an open page shows of a death: the alert, or, when it was its own api that died, that the connection broke. */
async function untilSeen(part: string): Promise<void> {
  const firing = alertOf(part).filter({ hasText: "critical" });
  const signs = part === "api" ? firing.or(page.getByText("The live connection broke")) : firing;
  await signs.first().waitFor();
}

test.each(["recorder", "worker", "scheduler", "postgres", "nats", "api"])(
  "an open dashboard shows within five seconds that the %s was killed, its alert, raised once, and that it came back",
  async (part) => {
    const tookMs: number[] = [];
    while (tookMs.length < TURNS_MAX && Math.min(...tookMs) > SEEN_MS_MAX) {
      const began = performance.now();
      process.kill(await stack.pidOf(part), "SIGKILL");
      await untilSeen(part);
      tookMs.push(performance.now() - began);
      await alertOf(part).filter({ hasText: "critical" }).waitFor();
      await alertOf(part).filter({ hasText: "resolved" }).waitFor({ timeout: 60_000 });
      await page.getByText("every part is up").waitFor({ timeout: 60_000 });
    }
    expect(Math.min(...tookMs)).toBeLessThan(SEEN_MS_MAX);
    process.stderr.write(`${part}: seen after ${tookMs.map((ms) => Math.round(ms)).join(", ")} ms\n`);
    const id = `part_down:${part}`;
    await untilTrue(() => stack.told(id, "resolved") >= tookMs.length, 30_000, "its end is told");
    expect({ fired: stack.told(id, "firing"), resolved: stack.told(id, "resolved") }).toEqual({
      ...{ fired: tookMs.length, resolved: tookMs.length },
    });
  },
  TEST_MS,
);
