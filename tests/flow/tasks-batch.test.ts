import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ MAX_WORKERS: "100" }));
}, 90_000);
afterAll(() => stack?.close());

const NOTHING = { duration_ms: 0, failure_rate: 0 };
const simulated = (taskId: string, more: Record<string, unknown> = {}) => ({
  ...{ task_id: taskId, task_type: "simulate", payload: NOTHING },
  ...more,
});
const sendArray = (tasks: readonly unknown[], query = "") =>
  stack.call("POST", `/api/tasks/batch${query}`, tasks);
const sendLines = (lines: string, contentType = "application/x-ndjson", query = "") =>
  stack.raw("POST", `/api/tasks/batch${query}`, {
    ...{ token: stack.apiKey, headers: { "Content-Type": contentType }, body: lines },
  });
const stored = async (prefix: string): Promise<number> => {
  const [row] = await stack.sql<{ n: number }[]>`
    select count(*)::integer as n from tasks where task_id like ${`${prefix}%`}`;
  return row?.n ?? 0;
};

test("an array of tasks gets a verdict for each, in its order, and all are done", async () => {
  const { status, body } = await sendArray(["a", "b", "c"].map((name) => simulated(`array-${name}`)));
  expect(status).toBe(200);
  expect(body).toEqual({
    ...{ accepted: 3, existing: 0, rejected: 0 },
    items: ["a", "b", "c"].map((name, index) => ({ index, status: 201, task_id: `array-${name}` })),
  });
  await stack.untilNoneOpen("array-", 10_000);
  expect(await stack.show("array-c")).toMatchObject({ status: "completed", attempts: 1 });
});

test("a task without an id gets one, and the verdict says which", async () => {
  const { body } = await sendArray([{ task_type: "simulate", payload: NOTHING }]);
  expect(await stack.untilEnded(body.items[0].task_id)).toMatchObject({ status: "completed" });
});

test("lines are tasks too, however they end, and empty ones are nothing", async () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => JSON.stringify(simulated(`lines-${name}`)));
  for (const type of ["application/x-ndjson", "application/ndjson; charset=utf-8", "application/jsonl"]) {
    const { status, body } = await sendLines(`\n${a}\r\n\n   \n${b}\n${c}`, type);
    expect({ type, status, items: body.items.map((item: { task_id: string }) => item.task_id) }).toEqual({
      ...{ type, status: 200, items: ["lines-a", "lines-b", "lines-c"] },
    });
  }
  expect(await stored("lines-")).toBe(3);
});

test("a wrong item costs only itself, and its verdict says which field is wrong", async () => {
  const lines = [
    JSON.stringify(simulated("mixed-right")),
    "{broken",
    JSON.stringify(simulated("mixed-priority", { priority: 11 })),
    JSON.stringify(simulated("mixed-unknown", { urgency: 1 })),
    JSON.stringify(simulated("mixed-payload", { payload: { failure_rate: 2 } })),
    "[]",
    '"text"',
    JSON.stringify(simulated("mixed/../id")),
    JSON.stringify({ task_id: "mixed-typeless" }),
    JSON.stringify(simulated("mixed-heavy", { task_type: "own", payload: "x".repeat(300_000) })),
    JSON.stringify(simulated("mixed-right-too")),
  ];
  const { status, body } = await sendLines(lines.join("\n"));
  expect(status).toBe(200);
  expect(body).toMatchObject({ accepted: 2, existing: 0, rejected: 9 });
  type Item = {
    index: number;
    status: number;
    task_id: string | null;
    problem?: { code: string; errors: { path: string }[] };
  };
  const seen = body.items.map((item: Item) => [
    item.status,
    item.task_id,
    item.problem?.code,
    item.problem?.errors[0]?.path,
  ]);
  expect(seen).toEqual([
    [201, "mixed-right", undefined, undefined],
    [400, null, "BAD_JSON", undefined],
    [422, "mixed-priority", "VALIDATION_FAILED", "/priority"],
    [422, "mixed-unknown", "VALIDATION_FAILED", "/urgency"],
    [422, "mixed-payload", "VALIDATION_FAILED", "/payload/failure_rate"],
    [422, null, "VALIDATION_FAILED", ""],
    [422, null, "VALIDATION_FAILED", ""],
    [422, "mixed/../id", "VALIDATION_FAILED", "/task_id"],
    [422, "mixed-typeless", "VALIDATION_FAILED", "/task_type"],
    [413, "mixed-heavy", "PAYLOAD_TOO_LARGE", "/payload"],
    [201, "mixed-right-too", undefined, undefined],
  ]);
  expect(await stored("mixed")).toBe(2);
});

test("the same id twice in a batch is one task: same content is 200, other content 409", async () => {
  const { body } = await sendArray([
    simulated("double"),
    simulated("double"),
    simulated("double", { priority: 9 }),
  ]);
  expect(body).toMatchObject({ accepted: 1, existing: 1, rejected: 1 });
  expect(body.items.map((item: { status: number }) => item.status)).toEqual([201, 200, 409]);
  expect(body.items[2].problem.code).toBe("TASK_ID_CONFLICT");
  expect(await stack.untilEnded("double")).toMatchObject({ priority: 5, attempts: 1 });
});

test("a batch sent again is answered with what is there, and nothing is done twice", async () => {
  const tasks = Array.from({ length: 50 }, (_, index) => simulated(`again-${index}`));
  const [first, second] = await Promise.all([sendArray(tasks), sendArray(tasks.toReversed())]);
  expect(first.body.accepted + second.body.accepted).toBe(50);
  expect(first.body.existing + second.body.existing).toBe(50);
  await stack.untilNoneOpen("again-", 10_000);
  expect((await sendArray(tasks)).body).toMatchObject({ accepted: 0, existing: 50, rejected: 0 });
  const [row] = await stack.sql<{ n: number }[]>`
    select count(*)::integer as n from outcomes join tasks using (seq) where task_id like 'again-%'`;
  expect(row?.n).toBe(50);
});

test("atomic means all or none: one wrong item, one conflict or one broken line, and nothing is stored", async () => {
  await sendArray([simulated("atomic-there")]);
  const right = [simulated("none-1"), simulated("none-2")];
  const refusals: readonly [tasks: readonly unknown[], status: number, code: string, path: string][] = [
    [[...right, simulated("none-3", { priority: 0 })], 422, "VALIDATION_FAILED", "/2/priority"],
    [[simulated("none/"), ...right], 422, "VALIDATION_FAILED", "/0/task_id"],
    [[...right, simulated("atomic-there", { priority: 1 })], 409, "TASK_ID_CONFLICT", "/2/task_id"],
    [[...right, simulated("none-1", { timeout: 3 })], 409, "TASK_ID_CONFLICT", "/2/task_id"],
    [[...right, null], 422, "VALIDATION_FAILED", "/2"],
  ];
  for (const [tasks, status, code, path] of refusals) {
    const refused = await sendArray(tasks, "?atomic=true");
    expect([refused.status, refused.body.code, refused.body.errors[0].path]).toEqual([status, code, path]);
  }
  const broken = await sendLines(`${JSON.stringify(right[0])}\n{`, "application/x-ndjson", "?atomic=true");
  expect(broken.body).toMatchObject({ status: 400, code: "BAD_JSON" });
  expect(await stored("none")).toBe(0);

  const all = await sendArray([...right, simulated("atomic-there")], "?atomic=true");
  expect(all.body).toMatchObject({ accepted: 2, existing: 1, rejected: 0 });
  await stack.untilNoneOpen("none", 10_000);
  expect(await stored("none")).toBe(2);
});

test("ten thousand tasks in one request are all taken and all done, each once", async () => {
  const { status, body } = await sendArray(
    Array.from({ length: 10_000 }, (_, index) => simulated(`many-${index}`)),
  );
  expect(status).toBe(200);
  expect(body).toMatchObject({ accepted: 10_000, existing: 0, rejected: 0 });
  expect(body.items).toHaveLength(10_000);
  await stack.untilNoneOpen("many-", 40_000);
  const [row] = await stack.sql<{ outcomes: number; tasks: number; completed: number }[]>`
    select count(*)::integer as outcomes, count(distinct seq)::integer as tasks,
      count(*) filter (where kind = 'completed')::integer as completed
    from outcomes join tasks using (seq) where task_id like 'many-%'`;
  expect(row).toEqual({ outcomes: 10_000, tasks: 10_000, completed: 10_000 });
}, 60_000);

test("no task, ten thousand and one, no list, another type: refused whole, and nothing is stored", async () => {
  const tooMany = Array.from({ length: 10_001 }, (_, index) => simulated(`excess-${index}`));
  const refusals = [
    [await sendArray(tooMany), 422, "VALIDATION_FAILED"],
    [await sendLines(tooMany.map((task) => JSON.stringify(task)).join("\n")), 422, "VALIDATION_FAILED"],
    [await sendArray([]), 422, "VALIDATION_FAILED"],
    [await sendLines("\n\n"), 422, "VALIDATION_FAILED"],
    [await stack.call("POST", "/api/tasks/batch", simulated("excess-object")), 422, "VALIDATION_FAILED"],
    [await sendLines("[", "application/json"), 400, "BAD_JSON"],
    [await sendLines("", "application/json"), 400, "BAD_JSON"],
    [await sendLines("task_id,task_type\n1,simulate", "text/csv"), 415, "UNSUPPORTED_MEDIA_TYPE"],
    [await sendArray([simulated("excess-query")], "?atomic=maybe"), 422, "VALIDATION_FAILED"],
    [await sendLines(`[${"9".repeat(17 * 1024 * 1024)}]`, "application/json"), 413, "BODY_TOO_LARGE"],
  ] as const;
  for (const [answer, status, code] of refusals) {
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  }
  expect(await stored("excess")).toBe(0);
});
