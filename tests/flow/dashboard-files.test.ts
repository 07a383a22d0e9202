import { afterAll, beforeAll, expect, test } from "bun:test";
import { BROWSER_MS, openBrowser, type Person, signInAs, visit } from "../support/chromium.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let admin: Person;
const TEST_MS = 120_000;

beforeAll(async () => {
  await openBrowser();
  stack = await startTaskStack(await onSharedPostgres());
  ({ admin } = await stack.run());
}, BROWSER_MS);
afterAll(() => stack.close(), TEST_MS);

async function signedIn(path: string) {
  const visited = await visit(`${stack.apiUrl}${path}`);
  await signInAs(visited.page, admin);
  return visited;
}

test(
  "files that are dropped are sent, each with its bar, and what they fail with is said beside them",
  async () => {
    const { page, context } = await signedIn("/files?operation=csv-profile");
    await page.getByText("No files yet.").waitFor();
    await page.getByRole("option", { name: "csv-profile" }).waitFor({ state: "attached" });
    const dropped = await page.evaluateHandle(`(() => { const carried = new DataTransfer();
      carried.items.add(new File(["a,b\\n1,2\\n"], "whole.csv"));
      carried.items.add(new File(['a,b\\n1,"2'], "broken.csv"));
      return carried; })()`);
    const box = page.getByRole("region", { name: "Upload files" });
    await box.dispatchEvent("dragover", { dataTransfer: dropped });
    await page.locator(".drop.over").waitFor();
    const bars = ["whole.csv", "broken.csv"].map((name) =>
      page.getByRole("progressbar", { name: `Upload of ${name}` }).waitFor(),
    );
    await box.dispatchEvent("drop", { dataTransfer: dropped });
    await Promise.all(bars);
    const row = (name: string) => page.getByRole("row").filter({ hasText: name });
    await row("whole.csv").getByText("completed").waitFor();
    await row("broken.csv").getByText("INPUT_INVALID").waitFor();
    await page.getByRole("button", { name: "Delete whole.csv" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
    await row("whole.csv").waitFor({ state: "detached" });
    expect((await stack.call("GET", "/api/files")).body.items).toMatchObject([{ filename: "broken.csv" }]);
    await context.close();
  },
  TEST_MS,
);

test(
  "a file is uploaded with a bar, processed, and its result downloaded",
  async () => {
    const { page, context } = await signedIn("/files?operation=uppercase");
    await page.getByRole("option", { name: "uppercase" }).waitFor({ state: "attached" });
    const buffer = Buffer.from("make me loud\n".repeat(200_000));
    const bar = page.getByRole("progressbar", { name: "Upload of quiet.txt" }).waitFor();
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "quiet.txt", mimeType: "text/plain", buffer });
    await bar;
    const button = page.getByRole("button", { name: "Download the result of quiet.txt" });
    await button.waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    const path = await download.path();
    expect(await Bun.file(path).text()).toBe(buffer.toString().toUpperCase());
    await context.close();
  },
  TEST_MS,
);
