import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { BROWSER_MS, openBrowser, type Person, signInAs, visit } from "../support/chromium.ts";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let external: FakeExternalApi;
let admin: Person;
const TEST_MS = 120_000;

beforeAll(async () => {
  await openBrowser();
  external = await startFakeExternalApi();
  stack = await startTaskStack(await onSharedPostgres());
  ({ admin } = await stack.run());
}, BROWSER_MS);
afterAll(async () => {
  await stack?.close();
  await external?.stop();
}, TEST_MS);

async function guards() {
  const visited = await visit(`${stack.apiUrl}/guards`);
  await signInAs(visited.page, admin);
  await visited.page.getByRole("heading", { name: "Guards" }).waitFor();
  return visited;
}

function rowOf(page: Page, text: string) {
  return page.getByRole("row").filter({ hasText: text });
}

const callOf = (url: string) => ({ task_type: "http.request", payload: { url, method: "POST" } });

test(
  "a host that fails is seen to open its breaker; forced closed, its calls go on, and reset it judges again",
  async () => {
    const { page, context } = await guards();
    await page.getByText("No host has failed too often").waitFor();
    const { url } = external;
    const call = { ...callOf(`${url}/?status=503`), max_attempts: 1 };
    await stack.submitAll(Array.from({ length: 10 }, () => call));
    await rowOf(page, url)
      .getByText(/^(open|half open)$/)
      .waitFor();
    await page.getByRole("button", { name: `Force closed: ${url}` }).click();
    await page.getByLabel("Reason").fill("it is well again");
    await page.getByRole("button", { name: "Force it closed" }).click();
    await rowOf(page, url).getByText("forced closed").waitFor();
    await rowOf(page, url).getByText("it is well again").waitFor();
    await page.getByRole("button", { name: `Reset ${url}` }).click();
    await rowOf(page, url).getByText("closed", { exact: true }).waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "an operator stops the calls to a host that nothing is known of, and its tasks are parked",
  async () => {
    const { page, context } = await guards();
    await page.getByRole("button", { name: "Stop calls to a host" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Host").fill("not an origin");
    await dialog.getByRole("button", { name: "Force it open" }).click();
    await dialog.getByRole("alert").waitFor();
    const origin = "http://127.0.0.1:9";
    await dialog.getByLabel("Host").fill(origin);
    await dialog.getByLabel("Reason").fill("they asked us to");
    await dialog.getByRole("button", { name: "Force it open" }).click();
    await rowOf(page, origin).getByText("forced open").waitFor();
    const { task_id: id } = await stack.submit(callOf(`${origin}/`));
    await stack.untilPhase(id, "parked", 30_000);
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByText(`the circuit breaker of ${origin} is open`).waitFor();
    await page
      .getByRole("listitem")
      .filter({ hasText: origin })
      .getByRole("link", { name: "Guards" })
      .click();
    await rowOf(page, origin).waitFor();
    expect((await stack.show(id)).attempts).toBe(0);
    await context.close();
  },
  TEST_MS,
);

test(
  "a limit is set, refused when it makes no sense, changed and removed",
  async () => {
    const { page, context } = await guards();
    await page.getByText("Nothing is limited").waitFor();
    await page.getByRole("button", { name: "Set a limit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("combobox").selectOption("type");
    await dialog.getByLabel("Name").fill("http.request");
    await dialog.getByRole("button", { name: "Set the limit" }).click();
    await dialog.getByRole("alert").getByText("max_concurrent").waitFor();
    await dialog.getByLabel("Starts per second").fill("25");
    await dialog.getByRole("button", { name: "Set the limit" }).click();
    await rowOf(page, "http.request").getByText("25", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Change the limit of http.request" }).click();
    await dialog.getByLabel("Starts per second").fill("7.5");
    await dialog.getByRole("button", { name: "Set the limit" }).click();
    await rowOf(page, "http.request").getByText("7.5", { exact: true }).waitFor();
    const { body } = await stack.call("GET", "/api/limits");
    expect(body.items).toMatchObject([{ scope: "type", name: "http.request", rate_per_second: 7.5 }]);
    await page.getByRole("button", { name: "Remove the limit of http.request" }).click();
    await page.getByRole("button", { name: "Remove it" }).click();
    await page.getByText("Nothing is limited").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "a type of task is paused with a reason, everybody sees it, and it is resumed",
  async () => {
    const { page, context } = await guards();
    await page.getByRole("button", { name: "Pause a lane or a type" }).click();
    await page.getByLabel(/^Lane/).fill("simulate");
    await page.getByLabel("Reason").fill("for a while");
    await page.getByRole("button", { name: "Pause it" }).click();
    await rowOf(page, "simulate").getByText("for a while").waitFor();
    await page
      .getByRole("navigation")
      .getByRole("link", { name: /^Guards [1-9]/ })
      .waitFor();
    await page.getByRole("button", { name: "Resume simulate" }).click();
    await page.getByText("Nothing is paused").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "plain users are shown no guards, and are told whom to ask",
  async () => {
    await stack.signUp("guards@example.org");
    const { page, context } = await visit(`${stack.apiUrl}/guards`);
    await signInAs(page, { email: "guards@example.org", password: "only for tests 1" });
    await page.getByText("Only operators see the guards.").waitFor();
    expect(await page.getByRole("navigation").getByRole("link", { name: "Guards" }).count()).toBe(0);
    await context.close();
  },
  TEST_MS,
);
