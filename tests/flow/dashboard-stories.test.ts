import { afterAll, beforeAll, expect, test } from "bun:test";
import { BROWSER_MS, openBrowser, type Person, SOON_MS, signInAs, visit } from "../support/chromium.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let admin: Person;
const TEST_MS = 120_000;

beforeAll(async () => {
  await openBrowser();
  stack = await startTaskStack({ HEARTBEAT_INTERVAL: "2" });
  ({ admin } = await stack.run());
}, BROWSER_MS);
afterAll(() => stack.close(), TEST_MS);

async function signedIn(path: string) {
  const visited = await visit(`${stack.apiUrl}${path}`);
  await signInAs(visited.page, admin);
  return visited;
}

test(
  "a wrong password is refused in words, and the right one leads to the page that was asked for",
  async () => {
    const { page, context, complaints } = await visit(`${stack.apiUrl}/tasks?status=failed`);
    await page.getByLabel("Email").fill(admin.email);
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await signInAs(page, admin);
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.getByRole("button", { name: "failed", pressed: true }).waitFor();
    expect(complaints.filter((complaint) => !complaint.includes("401"))).toEqual([]);
    await context.close();
  },
  TEST_MS,
);

test(
  "a session outlives a reload, a second tab shares it, and signing out ends it in both",
  async () => {
    const { page, context } = await signedIn("/");
    await page.reload();
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    const second = await context.newPage();
    await second.goto(`${stack.apiUrl}/workers`);
    await second.getByRole("heading", { name: "Workers" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Email").waitFor();
    await second.getByLabel("Email").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "a task appears in the list when it is submitted, and is seen to run and to complete, without a reload",
  async () => {
    const { page, context } = await signedIn("/tasks");
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    const payload = { duration_ms: 2_500, failure_rate: 0 };
    await stack.submit({ task_id: "seen-live", task_type: "simulate", payload });
    const row = page.getByRole("row").filter({ hasText: "seen-live" });
    await row.getByText("running").waitFor();
    await row.getByText("completed").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "one task's page follows it from queued to its result, with each attempt",
  async () => {
    const { page, context } = await signedIn("/");
    await stack.submit({
      ...{ task_id: "followed", task_type: "simulate", delay: 5 },
      payload: { duration_ms: 1_500, failure_rate: 0 },
    });
    await page.goto(`${stack.apiUrl}/tasks/followed`);
    await page.getByText("scheduled").first().waitFor();
    await page.getByText("Attempt 1 is running").waitFor();
    await page.getByText("Attempt 1 completed").waitFor();
    await page.getByRole("heading", { name: "Result" }).waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "a task that waits says for what",
  async () => {
    await stack.submitAll([
      { task_id: "w-parent", task_type: "simulate", delay: 3_600, payload: {} },
      { task_id: "w-child", task_type: "simulate", payload: {}, dependencies: ["w-parent"] },
    ]);
    const { page, context } = await signedIn("/tasks/w-child");
    await page.getByRole("heading", { name: "Why it waits" }).waitFor();
    await page.getByRole("link", { name: "w-parent", exact: true }).click();
    await page.getByText("It is to start at").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "a graph is drawn, and its tasks lead to their pages",
  async () => {
    const payload = { duration_ms: 10, failure_rate: 0 };
    await stack.submitAll([
      { task_id: "g-parent", task_type: "simulate", payload },
      { task_id: "g-child", task_type: "simulate", payload, dependencies: ["g-parent"] },
    ]);
    const { page, context } = await signedIn("/tasks/g-parent");
    await page.getByRole("link", { name: /^g-child/ }).click();
    await page.getByRole("heading", { name: "g-child" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/tasks/g-child");
    await context.close();
  },
  TEST_MS,
);

test(
  "dead letters are grouped by their error, one goes first, and the rest follows with a changed payload",
  async () => {
    const wish = { task_type: "simulate", max_attempts: 1, payload: { duration_ms: 1, failure_rate: 1 } };
    for (const task_id of ["dead-1", "dead-2", "dead-3"]) await stack.submit({ ...wish, task_id });
    for (const task_id of ["dead-1", "dead-2", "dead-3"]) await stack.untilPhase(task_id, "dead", SOON_MS);
    const { page, context } = await signedIn("/dead-letters");
    await page.getByRole("heading", { name: "SIMULATED_FAILURE" }).waitFor();
    await page.getByRole("button", { name: "Redrive …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Redrive one first" }).click();
    await dialog.getByText("failed again").waitFor();
    await dialog.getByLabel(/Change each payload/).fill('{"failure_rate": 0}');
    await dialog.getByRole("button", { name: "Redrive 2" }).click();
    await dialog.waitFor({ state: "detached" });
    const ended = await Promise.all(
      ["dead-1", "dead-2", "dead-3"].map((id) => stack.untilEnded(id, SOON_MS)),
    );
    expect(ended.map(({ status }) => status).sort()).toEqual(["completed", "completed", "failed"]);
    await context.close();
  },
  TEST_MS,
);

test(
  "who dies while the dead letters are looked at is counted, and shown when that is asked for",
  async () => {
    const { page, context } = await signedIn("/dead-letters");
    await page.getByRole("heading", { name: "Dead letters", level: 1 }).waitFor();
    await page
      .getByText(/in all$|nobody has dealt with/)
      .first()
      .waitFor();
    const payload = { duration_ms: 1, failure_rate: 1 };
    await stack.submit({ task_id: "dies-now", task_type: "simulate", max_attempts: 1, payload });
    await page.getByText("1 more failed for good since").waitFor();
    expect(await page.getByRole("link", { name: "dies-now" }).count()).toBe(0);
    await page.getByRole("button", { name: "Show them" }).click();
    await page.getByRole("link", { name: "dies-now" }).waitFor();
    await page.getByText("more failed for good since").waitFor({ state: "detached" });
    await context.close();
  },
  TEST_MS,
);

test(
  "a worker that stops answering is seen, and its return as well",
  async () => {
    const { page, context } = await signedIn("/workers");
    await page.getByText("active", { exact: true }).waitFor();
    const pid = await stack.pidOf("worker");
    process.kill(pid, "SIGSTOP");
    try {
      await page
        .getByText(/does not answer|unhealthy|dead/)
        .first()
        .waitFor();
      await page.getByRole("link", { name: "Overview" }).click();
      await page.getByText("no process answers").waitFor();
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await page.getByText("every part is up").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "a worker of somebody's own is seen, and drained; one of the product's is drained and resumed",
  async () => {
    const own = { worker_id: "own-1", capabilities: ["own.type"], max_concurrent_tasks: 2 };
    await stack.call("POST", "/api/workers/register", own);
    const { page, context } = await signedIn("/workers");
    await page.getByRole("button", { name: "Drain own-1" }).click();
    await page.getByRole("button", { name: "Drain it" }).click();
    await page.getByText("own-1 is given nothing new").waitFor();
    const system_info = { cpu_usage: 0.1, memory_usage: 0.1, disk_usage: 0.1 };
    const beat = { status: "active", current_tasks: [], system_info };
    const { body } = await stack.call("POST", "/api/workers/own-1/heartbeat", beat);
    expect(body.status).toBe("draining");
    await page.getByRole("article", { name: "own-1" }).getByText("draining").waitFor();
    const ours = page.getByRole("article", { name: "worker-1" });
    await ours.getByRole("button", { name: "Drain worker-1" }).click();
    await page.getByRole("button", { name: "Drain it" }).click();
    await ours.getByText("draining").waitFor();
    await ours.getByRole("button", { name: "Resume worker-1" }).click();
    await page.getByRole("button", { name: "Resume it" }).click();
    await ours.getByText("active").waitFor();
    await context.close();
  },
  TEST_MS,
);

test(
  "a lane that somebody paused is seen on the overview, and resumed there",
  async () => {
    await stack.call("POST", "/api/queues/long/pause", { reason: "for the night" });
    const { page, context } = await signedIn("/");
    await page.getByText("paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume long" }).click();
    await page.getByText("long goes on").waitFor();
    await page.getByText("paused", { exact: true }).waitFor({ state: "detached" });
    await context.close();
  },
  TEST_MS,
);

test(
  "a plain user sees the own tasks and counts, and nothing of others",
  async () => {
    const token = await stack.signUp("ann@example.org");
    const body = JSON.stringify({ task_id: "ann-1", task_type: "simulate", payload: { failure_rate: 0 } });
    const headers = { "Content-Type": "application/json" };
    await stack.raw("POST", "/api/tasks", { token, headers, body });
    const { page, context } = await visit(`${stack.apiUrl}/`);
    await signInAs(page, { email: "ann@example.org", password: "only for tests 1" });
    await page.getByText("Your tasks of the last hour").waitFor();
    const completed = page.getByRole("listitem").filter({ hasText: "Completed" });
    await completed.getByText("1", { exact: true }).waitFor();
    expect(await page.getByRole("link", { name: "Workers" }).count()).toBe(0);
    await page.getByRole("link", { name: "Tasks" }).click();
    await page.getByRole("link", { name: "ann-1" }).waitFor();
    expect(await page.getByText("seen-live").count()).toBe(0);
    await context.close();
  },
  TEST_MS,
);

test(
  "the page says when the live connection broke, and goes on by itself",
  async () => {
    const { page, context } = await signedIn("/");
    await page.getByText("As of").waitFor();
    const pid = await stack.pidOf("api");
    process.kill(pid, "SIGKILL"); // It is started again, at the same address.
    await page.getByText("The live connection broke").waitFor();
    await page.getByText("The live connection broke").waitFor({ state: "detached" });
    await context.close();
  },
  TEST_MS,
);
