import { afterAll, beforeAll, expect, test } from "bun:test";
import { BROWSER_MS, openBrowser, type Person, SOON_MS, signInAs, visit } from "../support/chromium.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let admin: Person;
const TEST_MS = 120_000;

beforeAll(async () => {
  await openBrowser();
  stack = await startTaskStack();
  ({ admin } = await stack.run());
}, BROWSER_MS);
afterAll(() => stack.close(), TEST_MS);

async function signedIn(path: string) {
  const visited = await visit(`${stack.apiUrl}${path}`);
  await signInAs(visited.page, admin);
  return visited;
}

test(
  "the ledger follows what comes in by itself",
  async () => {
    const { page, context } = await signedIn("/ledger");
    await page.getByText(/accounted for|No events came/).waitFor();
    let asked = 0;
    page.on("request", (request) => {
      if (request.url().includes("/api/ledger")) asked += 1;
    });
    await stack.call("POST", "/api/events", [{ type: "ledger.seen", message: "one more" }]);
    await untilTrue(() => asked === 1, TEST_MS, "the ledger is asked for again");
    await context.close();
  },
  TEST_MS,
);

test(
  "the newest bar of the histogram is in sight, and a broken tail says that it has a gap",
  async () => {
    await stack.call("POST", "/api/events", [{ type: "newest", message: "just now" }]);
    const found = async () => (await stack.call("GET", "/api/events?type=newest")).body.items.length > 0;
    await untilTrue(found, SOON_MS, "the event is stored");
    const { page, context } = await signedIn("/events?type=newest&span=15m");
    await page.locator(".chart canvas").waitFor();
    // One bar, of now: its colour must be somewhere on the canvas.
    const hasBar = `(() => { const canvas = document.querySelector(".chart canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 200 && data[at + 2] - data[at] > 60) return true;
      return false; })()`;
    await untilTrue(async () => (await page.evaluate(hasBar)) === true, SOON_MS, "a bar is drawn");
    await page.getByRole("button", { name: "Live tail" }).click();
    await page.getByText("live", { exact: true }).waitFor();
    await context.setOffline(true);
    process.kill(await stack.pidOf("api"), "SIGKILL"); // It is started again, at the same address.
    await page.getByText("connecting …").waitFor();
    await context.setOffline(false);
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByText("the connection broke").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "the live tail shows an event the moment it is sent, and only those that fit",
  async () => {
    const { page, context } = await signedIn("/events?live=on&type=seen");
    await page.getByText("live", { exact: true }).waitFor();
    const events = [
      { type: "seen", message: "this one is wanted" },
      { type: "other", message: "this one is not" },
    ];
    await stack.call("POST", "/api/events", events);
    await page.getByText("this one is wanted").waitFor();
    expect(await page.getByText("this one is not").count()).toBe(0);
    await page.getByRole("button", { name: "this one is wanted" }).click();
    await page.getByRole("dialog").getByText("In the logs").waitFor();
    await context.close();
  },
  TEST_MS,
);
