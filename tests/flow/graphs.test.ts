import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: "32", LONG_SLOTS: "2" });
}, 90_000);
afterAll(() => stack?.close());

const MINUTES = 120_000;

interface Wish {
  readonly task_id: string;
  readonly dependencies?: readonly string[];
  readonly [field: string]: unknown;
}

/** A task that takes no time and never fails, unless it is said otherwise. */
const node = (task_id: string, dependencies: readonly string[] = [], more: Record<string, unknown> = {}) => ({
  task_id,
  dependencies,
  task_type: "simulate",
  payload: { duration_ms: 0, failure_rate: 0 },
  ...more,
});
const failing = { payload: { duration_ms: 0, failure_rate: 1 }, max_attempts: 1 };

const batch = (wishes: readonly Wish[], query = "?atomic=true") =>
  stack.call("POST", `/api/tasks/batch${query}`, wishes);

async function submitGraph(wishes: readonly Wish[]): Promise<void> {
  const { status, body } = await batch(wishes);
  expect({ status, accepted: body.accepted }).toEqual({ status: 200, accepted: wishes.length });
}

interface Run {
  readonly id: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** When each attempt of these tasks ran; each must have exactly one, and it must have completed. */
async function runsOf(prefix: string): Promise<ReadonlyMap<string, Run>> {
  const rows = await stack.sql<{ id: string; kind: string; started: Date; ended: Date }[]>`
    select t.task_id as id, o.kind, o.started_at as started, o.ended_at as ended
    from tasks t join outcomes o using (seq) where t.task_id like ${`${prefix}%`}`;
  const runs = rows.map(({ id, started, ended }) => ({ id, startedAt: +started, endedAt: +ended }));
  expect(rows.filter(({ kind }) => kind !== "completed")).toEqual([]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  return new Map(runs.map((run) => [run.id, run]));
}

async function expectInOrder(prefix: string, wishes: readonly Wish[]): Promise<void> {
  const runs = await runsOf(prefix);
  expect(runs.size).toBe(wishes.length);
  const early = wishes.flatMap(({ task_id, dependencies = [] }) =>
    dependencies.filter((id) => (runs.get(id)?.endedAt ?? 0) > (runs.get(task_id)?.startedAt ?? 0)),
  );
  expect(early).toEqual([]);
}

const statusesOf = async (ids: readonly string[]) =>
  Object.fromEntries(await Promise.all(ids.map(async (id) => [id, (await stack.show(id)).status])));

describe("a graph runs", () => {
  test("a diamond, each task after its parents, submitted in the wrong order", async () => {
    const wishes = [node("d-4", ["d-2", "d-3"]), node("d-2", ["d-1"]), node("d-3", ["d-1"]), node("d-1")];
    await submitGraph(wishes);
    await stack.untilEnded("d-4", 30_000);
    await expectInOrder("d-", wishes);
    expect(await stack.show("d-4")).toMatchObject({ dependencies: ["d-2", "d-3"], status: "completed" });
  });

  test(
    "1 000 wide, out and in, and each of the 1 000 runs once",
    async () => {
      const middle = Array.from({ length: 1_000 }, (_, index) => `w-m${index}`);
      const wishes = [node("w-in", middle), ...middle.map((id) => node(id, ["w-out"])), node("w-out")];
      await submitGraph(wishes);
      await stack.untilEnded("w-in", 60_000);
      await expectInOrder("w-", wishes);
    },
    MINUTES,
  );

  test(
    "10 000 random tasks complete, each once and after its parents",
    async () => {
      const dice = newDice();
      const wishes = Array.from({ length: 10_000 }, (_, index) => {
        const count = Math.min(index, dice.between(0, 3));
        const parents = new Set(
          Array.from({ length: count }, () => dice.between(Math.max(0, index - 400), index - 1)),
        );
        return node(
          `r-${index}`,
          [...parents].map((parent) => `r-${parent}`),
        );
      });
      await submitGraph(wishes.toSorted(() => dice.throw() - 0.5));
      await stack.untilNoneOpen("r-", 90_000);
      await expectInOrder("r-", wishes);
    },
    MINUTES,
  );

  test(
    "a child of what has completed already runs at once, one of what runs waits",
    async () => {
      await stack.submit(node("c-done"));
      await stack.untilEnded("c-done");
      await stack.submit(node("c-slow", [], { payload: { duration_ms: 1_500, failure_rate: 0 } }));
      expect((await stack.submit(node("c-1", ["c-done"]))).phase).toBe("queued");
      const waiting = await stack.submit(node("c-2", ["c-done", "c-slow"]));
      expect(waiting).toMatchObject({
        phase: "waiting",
        status: "pending",
        dependencies: ["c-done", "c-slow"],
      });
      expect(await stack.untilEnded("c-2", 30_000)).toMatchObject({ status: "completed", attempts: 1 });
    },
    MINUTES,
  );

  test(
    "many children submitted one by one while their parents end: none is forgotten",
    async () => {
      for (let round = 0; round < 10; round += 1) {
        const parents = Array.from({ length: 10 }, (_, index) => `m-${round}-${index}`);
        await batch(parents.map((id) => node(id, [], { payload: { duration_ms: 20, failure_rate: 0 } })));
        const children = parents.map((id) =>
          stack.submit(
            node(
              `${id}-child`,
              parents
                .slice(0, 3)
                .concat(id)
                .filter((one, at, all) => all.indexOf(one) === at),
            ),
          ),
        );
        await Promise.all(children);
      }
      await stack.untilNoneOpen("m-", 30_000);
      await runsOf("m-");
    },
    MINUTES,
  );

  test(
    "whoever follows a child hears of its release and of its end",
    async () => {
      await stack.submit(node("l-parent", [], { payload: { duration_ms: 1_000, failure_rate: 0 } }));
      await stack.submit(node("l-child", ["l-parent"]));
      const response = await fetch(`${stack.apiUrl}/api/tasks/l-child/stream`, {
        headers: { Authorization: `Bearer ${stack.apiKey}` },
      });
      const text = await response.text(); // It ends with the task.
      const phases = [...text.matchAll(/"phase":"(\w+)"/g)].map(([, phase]) => phase);
      expect([phases[0], phases.at(-1)]).toEqual(["waiting", "done"]);
    },
    MINUTES,
  );
});

describe("a graph is refused", () => {
  test("with a cycle, which is named, and nothing of it is stored", async () => {
    const { status, body } = await batch([
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
    const { body } = await batch(
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
    await submitGraph([node("k-1"), node("k-2", ["k-1"])]);
    const again = await batch([node("k-1"), node("k-2", ["k-1"]), node("k-3", ["k-2"])]);
    expect(again.body.items.map(({ status }: { status: number }) => status)).toEqual([200, 200, 201]);
    expect((await stack.call("POST", "/api/tasks", node("k-2"))).status).toBe(409);
    const { body } = await batch([node("k-2"), node("k-4", ["k-2"])], "");
    expect(body.items.map(({ status }: { status: number }) => status)).toEqual([409, 422]);
  });
});

describe("when a parent does not complete", () => {
  test(
    "its descendants fail with it, at once, and are no dead letters; those that run anyway run",
    async () => {
      await submitGraph([
        node("f-1", [], failing),
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
    await stack.submit(node("g-1", [], failing));
    await stack.untilEnded("g-1", 30_000);
    await stack.submit(node("g-2", ["g-1"]));
    expect((await stack.untilEnded("g-2", 30_000)).error.code).toBe("DEPENDENCY_FAILED");
  });

  test(
    "retrying it alone leaves them; retrying its subtree brings them back, and all complete",
    async () => {
      await submitGraph([
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
      expect(await statusesOf(["t-0", "t-1", "t-2", "t-3"])).toEqual({
        ...{ "t-0": "completed", "t-1": "completed", "t-2": "completed", "t-3": "completed" },
      });
    },
    MINUTES,
  );

  test(
    "a subtree, or the whole graph, is cancelled in one call, running tasks included",
    async () => {
      const slow = { payload: { duration_ms: 60_000, failure_rate: 0 } };
      await submitGraph([
        node("x-1", [], slow),
        node("x-2", ["x-1"]),
        node("x-3", ["x-1"]),
        node("x-4", ["x-2"]),
      ]);
      await stack.untilPhase("x-1", "running", 30_000);
      const part = await stack.call("POST", "/api/tasks/x-2/cancel?subtree=true");
      expect(part.body).toMatchObject({ nodes: 2, changed: 2 });
      expect(await statusesOf(["x-1", "x-2", "x-3", "x-4"])).toEqual({
        ...{ "x-1": "running", "x-2": "cancelled", "x-3": "pending", "x-4": "cancelled" },
      });
      const all = await stack.call("POST", "/api/tasks/x-4/cancel?graph=true");
      expect(all.body).toMatchObject({ nodes: 4, changed: 2 });
      expect(await statusesOf(["x-1", "x-3"])).toEqual({ "x-1": "cancelled", "x-3": "cancelled" });
      const again = await stack.call("POST", "/api/tasks/x-4/retry?graph=true");
      expect(again.body).toMatchObject({ nodes: 4, changed: 4 });
      await stack.call("POST", "/api/tasks/x-1/cancel?graph=true");
    },
    MINUTES,
  );
});

test("the graph of a task is everything connected with it, for whoever may see the task", async () => {
  await submitGraph([node("v-1"), node("v-2", ["v-1"]), node("v-3", ["v-1"]), node("v-4", ["v-2", "v-3"])]);
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
