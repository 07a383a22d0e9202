import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FAILING, node, sendBatch, statusesOf, submitGraph } from "../support/graphs.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ MAX_WORKERS: "16" }));
}, 90_000);
afterAll(() => stack?.close());

const MINUTES = 120_000;

describe("a graph is refused", () => {
  test("with a cycle, which is named, and nothing of it is stored", async () => {
    const { status, body } = await sendBatch(stack, [
      node("y-0"),
      node("y-1", ["y-3", "y-0"]),
      node("y-2", ["y-1"]),
      node("y-3", ["y-2"]),
    ]);
    expect([status, body.code]).toEqual([422, "VALIDATION_FAILED"]);
    expect(body.detail).toContain("y-1 → y-3 → y-2 → y-1");
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual([
      ...["/1/dependencies", "/2/dependencies", "/3/dependencies"],
    ]);
    expect((await stack.call("GET", "/api/tasks/y-0")).status).toBe(404);
  });

  test("with an unknown id, by name; another user's task is as unknown", async () => {
    const { status, body } = await stack.call("POST", "/api/tasks", node("u-1", ["u-nobody"]));
    expect([status, body.code, body.errors[0].path]).toEqual([422, "VALIDATION_FAILED", "/dependencies/0"]);
    expect(body.errors[0].message).toContain("u-nobody");
    await stack.submit(node("u-mine"));
    const token = await stack.signUp("stranger@example.org");
    const theirs = await stack.raw("POST", "/api/tasks", {
      ...{ token, headers: { "Content-Type": "application/json" } },
      body: JSON.stringify(node("u-theirs", ["u-mine"])),
    });
    expect([theirs.status, theirs.body.errors[0].path]).toEqual([422, "/dependencies/0"]);
  });

  test.each([
    ["itself", ["s-1"], "is the task itself: s-1"],
    ["a parent twice", ["a", "b", "a"], "is listed twice: a"],
  ])("with %s among the dependencies", async (_, dependencies, message) => {
    const { status, body } = await stack.call("POST", "/api/tasks", node("s-1", dependencies));
    expect([status, body.errors[0].message]).toEqual([422, message]);
  });

  test("item by item, when it is not atomic: what depends on a refused item is refused with its name", async () => {
    const { body } = await sendBatch(
      stack,
      [
        node("p-3", ["p-2"]),
        node("p-2", ["p-1"]),
        node("p-1", ["p-none"]),
        node("p-ok"),
        node("p-ok-2", ["p-ok"]),
      ],
      "",
    );
    expect(body.items.map(({ status }: { status: number }) => status)).toEqual([422, 422, 422, 201, 201]);
    expect(body.items[0].problem.detail).toContain("names p-2, which was refused itself");
    expect(body.items[2].problem.detail).toContain("p-none");
    await stack.untilEnded("p-ok-2", 30_000);
  });

  test("with other dependencies under an id that is taken; the very same again is known", async () => {
    await submitGraph(stack, [node("k-1"), node("k-2", ["k-1"])]);
    const again = await sendBatch(stack, [node("k-1"), node("k-2", ["k-1"]), node("k-3", ["k-2"])]);
    expect(again.body.items.map(({ status }: { status: number }) => status)).toEqual([200, 200, 201]);
    expect((await stack.call("POST", "/api/tasks", node("k-2"))).status).toBe(409);
    const { body } = await sendBatch(stack, [node("k-2"), node("k-4", ["k-2"])], "");
    expect(body.items.map(({ status }: { status: number }) => status)).toEqual([409, 422]);
  });
});

describe("when a parent does not complete", () => {
  test(
    "its descendants fail with it, at once, and are no dead letters; those that run anyway run",
    async () => {
      await submitGraph(stack, [
        node("f-1", [], FAILING),
        node("f-2", ["f-1"]),
        node("f-3", ["f-2"]),
        node("f-any", ["f-1"], { on_parent_failure: "run" }),
      ]);
      expect(await stack.untilEnded("f-3", 30_000)).toMatchObject({
        ...{ status: "failed", phase: "dead", attempts: 0 },
        error: { code: "DEPENDENCY_FAILED", message: "it depends on f-2, which did not complete" },
      });
      expect((await stack.untilEnded("f-any", 30_000)).status).toBe("completed");
      const letters = (await stack.call("GET", "/api/dlq?limit=100")).body.items;
      expect(letters.map(({ task_id }: { task_id: string }) => task_id)).toEqual(["f-1"]);
    },
    MINUTES,
  );

  test("a child that comes later fails as well", async () => {
    await stack.submit(node("g-1", [], FAILING));
    await stack.untilEnded("g-1", 30_000);
    await stack.submit(node("g-2", ["g-1"]));
    expect((await stack.untilEnded("g-2", 30_000)).error.code).toBe("DEPENDENCY_FAILED");
  });

  test(
    "retrying it alone leaves them; retrying its subtree brings them back, and all complete",
    async () => {
      await submitGraph(stack, [
        node("t-0"),
        node("t-1", ["t-0"], { payload: { duration_ms: 60_000, failure_rate: 0 } }),
        node("t-2", ["t-1"]),
        node("t-3", ["t-2", "t-0"]),
      ]);
      await stack.untilPhase("t-1", "running", 30_000);
      await stack.call("POST", "/api/tasks/t-1/cancel");
      await stack.untilEnded("t-3", 30_000);
      const child = await stack.call("POST", "/api/tasks/t-2/retry");
      expect([child.status, child.body.code]).toEqual([409, "TASK_STATE_CONFLICT"]);
      expect(child.body.detail).toContain("t-1, which is cancelled");
      await stack.sql`update tasks set payload = '{"duration_ms":0,"failure_rate":0}' where task_id = 't-1'`;
      const { status, body } = await stack.call("POST", "/api/tasks/t-1/retry?subtree=true");
      expect([status, body]).toEqual([
        200,
        { task_id: "t-1", scope: "subtree", nodes: 3, changed: 3, truncated: false },
      ]);
      await stack.untilNoneOpen("t-", 30_000);
      expect(await statusesOf(stack, ["t-0", "t-1", "t-2", "t-3"])).toEqual({
        ...{ "t-0": "completed", "t-1": "completed", "t-2": "completed", "t-3": "completed" },
      });
    },
    MINUTES,
  );

  test(
    "a subtree, or the whole graph, is cancelled in one call, running tasks included",
    async () => {
      const slow = { payload: { duration_ms: 60_000, failure_rate: 0 } };
      await submitGraph(stack, [
        node("x-1", [], slow),
        node("x-2", ["x-1"]),
        node("x-3", ["x-1"]),
        node("x-4", ["x-2"]),
      ]);
      await stack.untilPhase("x-1", "running", 30_000);
      const part = await stack.call("POST", "/api/tasks/x-2/cancel?subtree=true");
      expect(part.body).toMatchObject({ nodes: 2, changed: 2 });
      expect(await statusesOf(stack, ["x-1", "x-2", "x-3", "x-4"])).toEqual({
        ...{ "x-1": "running", "x-2": "cancelled", "x-3": "pending", "x-4": "cancelled" },
      });
      const all = await stack.call("POST", "/api/tasks/x-4/cancel?graph=true");
      expect(all.body).toMatchObject({ nodes: 4, changed: 2 });
      expect(await statusesOf(stack, ["x-1", "x-3"])).toEqual({ "x-1": "cancelled", "x-3": "cancelled" });
      const again = await stack.call("POST", "/api/tasks/x-4/retry?graph=true");
      expect(again.body).toMatchObject({ nodes: 4, changed: 4 });
      await stack.call("POST", "/api/tasks/x-1/cancel?graph=true");
    },
    MINUTES,
  );
});

test("the graph of a task is everything connected with it, for whoever may see the task", async () => {
  await submitGraph(stack, [
    node("v-1"),
    node("v-2", ["v-1"]),
    node("v-3", ["v-1"]),
    node("v-4", ["v-2", "v-3"]),
  ]);
  await stack.untilEnded("v-4", 30_000);
  const { status, body } = await stack.call("GET", "/api/tasks/v-2/graph");
  expect([status, body.truncated]).toEqual([200, false]);
  const names = body.nodes.map(({ task_id, status }: Record<string, string>) => `${task_id} ${status}`);
  expect(names).toEqual(["v-1 completed", "v-2 completed", "v-3 completed", "v-4 completed"]);
  expect(body.edges.map(({ from, to }: Record<string, string>) => `${from}>${to}`)).toEqual([
    ...["v-1>v-2", "v-1>v-3", "v-2>v-4", "v-3>v-4"],
  ]);
  const token = await stack.signUp("viewer@example.org");
  expect((await stack.raw("GET", "/api/tasks/v-2/graph", { token })).status).toBe(404);
  await untilTrue(async () => (await stack.sql`select 1 from ended_parents`).length === 0, 30_000);
});
