import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PAYLOAD_BYTES_MAX } from "@millrace/core/limits";
import { claimAttempts, discardDeadLetter, settleAttempts, submitTasks } from "@millrace/store";
import { startTaskApi, type TaskApi } from "../../../support/task-api.ts";
import { death, newTask } from "../../../support/task-store.ts";

let api: TaskApi;
beforeAll(async () => {
  api = await startTaskApi();
});
afterAll(() => api.close());

/** Tasks that died, oldest first; their internal ids. */
async function dead(taskType: string, taskIds: readonly string[], payload = {}): Promise<readonly number[]> {
  const tasks = taskIds.map((task_id) =>
    newTask({ task_id, task_type: taskType, payload, owner_id: api.user.identity.userId }),
  );
  const seqs = (await submitTasks(api.sql, tasks)).map((answer) =>
    answer.kind === "stored" ? answer.seq : 0,
  );
  await claimAttempts(
    api.sql,
    "w~1",
    seqs.map((seq) => ({ seq, attempt: 1 })),
  );
  await settleAttempts(
    api.sql,
    "w~1",
    seqs.map((seq) => death(seq)),
  );
  return seqs;
}

interface Report {
  readonly redriven: number;
  readonly task_ids: readonly string[];
  readonly skipped: readonly { readonly task_id: string; readonly reason: string }[];
}

async function redrive(wish: object): Promise<Report> {
  const { status, body } = await api.operator.call("POST", "/api/dlq/redrive", wish);
  if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body as unknown as Report;
}

async function refusal(wish: unknown): Promise<readonly unknown[]> {
  const { status, body } = await api.operator.call("POST", "/api/dlq/redrive", wish);
  return [status, body.code];
}

const ids = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

test("dead letters come back newest first, each with its next attempt, no failures and its own payload", async () => {
  await dead("plain", ids("plain", 3), { a: 1 });
  const report = await redrive({ filter: { task_type: "plain" } });
  expect(report).toEqual({ redriven: 3, task_ids: ["plain-2", "plain-1", "plain-0"], skipped: [] });
  for (const id of ids("plain", 3)) {
    expect(api.bus.of(id)).toMatchObject([{ dispatch: { attempt: 2, failures: 0, payload: { a: 1 } } }]);
    expect((await api.operator.call("GET", `/api/dlq/${id}`)).status).toBe(404);
  }
});

test("the n-th is due n / rate seconds later, and what is due beyond the horizon is left to the scheduler", async () => {
  await dead("paced", ids("paced", 62));
  const beforeMs = Date.now();
  await redrive({ filter: { task_type: "paced" }, rate_per_second: 0.1 });
  const dueInS = ["paced-61", "paced-60", "paced-31", "paced-0"].map((id) => {
    const dueAtMs = api.bus.of(id)[0]?.dueAtMs;
    return dueAtMs === undefined ? null : Math.round((dueAtMs - beforeMs) / 1000 / 10) * 10;
  });
  expect(dueInS).toEqual([0, 10, 300, null]);
  expect((await api.user.call("GET", "/api/tasks/paced-0")).body.phase).toBe("retry_wait");
});

test("the limit counts, and what lies beyond it stays dead and is told so", async () => {
  await dead("limited", ids("limited", 3));
  expect((await redrive({ filter: { task_type: "limited" }, limit: 1 })).task_ids).toEqual(["limited-2"]);
  expect(await redrive({ task_ids: ["limited-0", "limited-1"], limit: 1 })).toEqual({
    redriven: 1,
    task_ids: ["limited-0"],
    skipped: [{ task_id: "limited-1", reason: "is beyond the limit of this request" }],
  });
});

test("of more than one page all come back, each once, at the pace of the whole", async () => {
  await dead("many", ids("many", 450));
  const startedMs = performance.now();
  const report = await redrive({ filter: { task_type: "many" }, rate_per_second: 10 });
  expect(report.redriven).toBe(450);
  expect(new Set(report.task_ids).size).toBe(450);
  const due = ids("many", 450).map((id) => api.bus.of(id)[0]?.dueAtMs ?? 0);
  const tookMs = performance.now() - startedMs; // A page is reckoned from its own moment.
  expect(Math.max(...due) - Math.min(...due)).toBeWithin(44_000, 45_500 + tookMs);
  // Payloads may be large: what is held at once is bounded.
  expect(Math.max(...api.bus.calls)).toBeLessThanOrEqual(200);
});

test("ids that are no dead letters are skipped with the reason, each once", async () => {
  await dead("ids", ["ids-0", "ids-1"]);
  await api.user.call("POST", "/api/tasks", { task_id: "ids-open", task_type: "ids" });
  const report = await redrive({ task_ids: ["ids-0", "nobody", "nobody", "ids-open", "ids-0"] });
  expect(report.task_ids).toEqual(["ids-0"]);
  expect(report.skipped).toEqual([
    { task_id: "nobody", reason: "is no dead letter" },
    { task_id: "ids-open", reason: "is no dead letter" },
  ]);
});

test("two redrives of the same letters at once bring each back once", async () => {
  await dead("both", ids("both", 40));
  const reports = await Promise.all([1, 2].map(() => redrive({ filter: { task_type: "both" } })));
  expect(reports.flatMap(({ task_ids }) => task_ids).sort()).toEqual(ids("both", 40).sort());
});

test("a letter that was discarded in between is skipped with the reason", async () => {
  const [seq = 0] = await dead("discarded", ["discarded"]);
  await discardDeadLetter(api.sql, seq);
  expect((await redrive({ task_ids: ["discarded"] })).skipped).toEqual([
    { task_id: "discarded", reason: "is no dead letter" },
  ]);
});

describe("a payload patch", () => {
  test("is merged into each payload, and the former one is kept", async () => {
    const [seq = 0] = await dead("patched", ["patched"], { url: "a", headers: { x: "1", y: "2" } });
    await redrive({ task_ids: ["patched"], payload_patch: { url: "b", headers: { x: null } } });
    expect(api.bus.of("patched")[0]?.dispatch.payload).toEqual({ url: "b", headers: { y: "2" } });
    const [row] = await api.sql`select previous_payload from redrives where seq = ${seq}`;
    expect(row?.previous_payload).toEqual({ url: "a", headers: { x: "1", y: "2" } });
  });

  test("that spoils a built-in task's payload leaves it dead, and the others come back", async () => {
    await dead("simulate", ["spoilt-0", "spoilt-1"], { duration_ms: 1 });
    await dead("other", ["spoilt-2"], { duration_ms: 1 });
    const report = await redrive({
      task_ids: ["spoilt-0", "spoilt-1", "spoilt-2"],
      payload_patch: { duration_ms: "long" },
    });
    expect(report.task_ids).toEqual(["spoilt-2"]);
    expect(report.skipped.map(({ task_id }) => task_id).sort()).toEqual(["spoilt-0", "spoilt-1"]);
    expect(report.skipped[0]?.reason).toStartWith(
      "the patched payload is wrong: /payload/duration_ms must be ",
    );
  });

  test("that would make a payload too large or too deep leaves it dead", async () => {
    await dead("big", ["big"], { a: "x".repeat(PAYLOAD_BYTES_MAX / 2) });
    const large = await redrive({
      task_ids: ["big"],
      payload_patch: { b: "x".repeat(PAYLOAD_BYTES_MAX / 2) },
    });
    expect(large.skipped[0]?.reason).toContain(`must have at most ${PAYLOAD_BYTES_MAX} bytes`);
    const nested = JSON.parse(`${'{"a":'.repeat(66)}1${"}".repeat(66)}`);
    const deep = await redrive({ task_ids: ["big"], payload_patch: nested });
    expect(deep.skipped[0]?.reason).toContain("must not nest deeper than");
    expect((await api.operator.call("GET", "/api/dlq/big")).status).toBe(200);
  });

  test("of null, which would empty every payload, is refused, and so is one larger than any payload", async () => {
    await dead("emptied", ["emptied"]);
    expect(await refusal({ task_ids: ["emptied"], payload_patch: null })).toEqual([422, "VALIDATION_FAILED"]);
    expect(await refusal({ task_ids: ["emptied"], payload_patch: "x".repeat(PAYLOAD_BYTES_MAX) })).toEqual([
      413,
      "PAYLOAD_TOO_LARGE",
    ]);
    expect(api.bus.of("emptied")).toEqual([]);
  });
});

test("while NATS is down they come back all the same; the scheduler brings the messages", async () => {
  await dead("no-nats", ["no-nats"]);
  api.bus.isDown = true;
  expect((await redrive({ task_ids: ["no-nats"] })).redriven).toBe(1);
  api.bus.isDown = false;
  expect((await api.user.call("GET", "/api/tasks/no-nats")).body.phase).toBe("queued");
});

test("who is no operator may not, and wrong wishes are refused", async () => {
  expect((await api.user.call("POST", "/api/dlq/redrive", { filter: {} })).status).toBe(403);
  const wrong = [
    {},
    { task_ids: ["a"], filter: {} },
    { task_ids: [] },
    { filter: {}, limit: 0 },
    { filter: {}, limit: 10_001 },
    { filter: {}, rate_per_second: 0 },
    { filter: {}, rate_per_second: 1_001 },
    { filter: { owner: 1 } },
    [],
  ];
  for (const wish of wrong)
    expect({ wish, is: await refusal(wish) }).toEqual({ wish, is: [422, "VALIDATION_FAILED"] });
});
