import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { submitBatch } from "@millrace/api/use-cases/submit-batch";
import { Fault } from "@millrace/core";
import { PAYLOAD_BYTES_MAX } from "@millrace/core/limits";
import { startTaskApi, type TaskApi } from "../../../support/task-api.ts";

let api: TaskApi;
beforeAll(async () => {
  api = await startTaskApi();
});
afterAll(() => api.close());

const own = (task_id: string, more: object = {}) => ({ task_id, task_type: "nobodys.own", ...more });

function submit(values: readonly unknown[], isAtomic = false) {
  const items = values.map((value) => ({ value }));
  const requestBytes = JSON.stringify(values).length;
  return submitBatch(api.ports, api.user.identity, { items, isAtomic, requestBytes, correlationId: "c" });
}

async function refusalOf(submission: Promise<unknown>): Promise<Fault> {
  const error = await submission.catch((error: unknown) => error);
  if (!(error instanceof Fault)) throw new Error(`no fault: ${JSON.stringify(error)}`);
  return error;
}

async function idsOf(prefix: string): Promise<readonly string[]> {
  const rows = await api.sql<{ id: string }[]>`
    select task_id as id from task_keys where task_id like ${`${prefix}%`} order by task_id`;
  return rows.map(({ id }) => id);
}

test("each item gets the verdict that it would have got alone, in the order in which they came", async () => {
  await submit([own("v-there")]);
  const verdicts = await submit([
    own("v-new"),
    "no task",
    own("v-there"),
    own("v-there", { priority: 9 }),
    { task_id: "v-wrong", task_type: "nobodys.own", priority: 99 },
    own("v-large", { payload: "x".repeat(PAYLOAD_BYTES_MAX) }),
    own("v-last"),
  ]);
  expect(
    verdicts.map(({ index, status, task_id, problem }) => [index, status, task_id, problem?.code]),
  ).toEqual([
    [0, 201, "v-new", undefined],
    [1, 422, null, "VALIDATION_FAILED"],
    [2, 200, "v-there", undefined],
    [3, 409, "v-there", "TASK_ID_CONFLICT"],
    [4, 422, "v-wrong", "VALIDATION_FAILED"],
    [5, 413, "v-large", "PAYLOAD_TOO_LARGE"],
    [6, 201, "v-last", undefined],
  ]);
  expect(verdicts[4]?.problem?.errors).toEqual([
    { path: "/priority", message: "must be less or equal to 10" },
  ]);
  expect(await idsOf("v-")).toEqual(["v-last", "v-new", "v-there"]);
  expect(api.bus.of("v-last")).toHaveLength(1);
});

test("of the same id twice in one batch the first is stored; the same content again is known, other content is not", async () => {
  const verdicts = await submit([own("d-1"), own("d-1"), own("d-1", { priority: 1 })]);
  expect(verdicts.map(({ status }) => status)).toEqual([201, 200, 409]);
  expect(api.bus.of("d-1")).toHaveLength(1);
});

test("an id that another user holds is refused and tells nothing", async () => {
  await submit([own("o-1")]);
  const items = [{ value: own("o-1") }];
  const [verdict] = await submitBatch(api.ports, api.stranger.identity, {
    ...{ items, isAtomic: false, requestBytes: 10, correlationId: "c" },
  });
  expect([verdict?.status, verdict?.problem?.code]).toEqual([409, "TASK_ID_CONFLICT"]);
});

test("an item that breaks its rule a hundred thousand times is told of a few of them", async () => {
  const item = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field-${index}`, 1]));
  const [verdict] = await submit([item]);
  expect(verdict?.status).toBe(422);
  expect(verdict?.problem?.errors.length).toBeLessThanOrEqual(20);
});

describe("atomic", () => {
  test("right ones are all stored, known ones included, and published after the commit", async () => {
    await submit([own("a-there")]);
    const verdicts = await submit([own("a-1"), own("a-there"), own("a-2")], true);
    expect(verdicts.map(({ status }) => status)).toEqual([201, 200, 201]);
    expect([api.bus.of("a-1").length, api.bus.of("a-there").length]).toEqual([1, 1]);
  });

  test.each([
    ["a wrong item", { task_id: "n-2", task_type: "" }, "VALIDATION_FAILED", "/1/task_type"],
    ["an id that is taken", own("n-taken", { priority: 7 }), "TASK_ID_CONFLICT", "/1/task_id"],
    [
      "other content under an id of the same batch",
      own("n-1", { priority: 7 }),
      "TASK_ID_CONFLICT",
      "/1/task_id",
    ],
  ])("%s stops them all", async (_, wrong, code, path) => {
    await submit([own("n-taken")]);
    const fault = await refusalOf(submit([own("n-1"), wrong, own("n-3")], true));
    expect([fault.code, fault.errors[0]?.path]).toEqual([code as never, path]);
    expect(fault.message).toStartWith("nothing was stored, because item 1 was refused: ");
    expect(await idsOf("n-")).toEqual(["n-taken"]);
    expect(api.bus.of("n-1")).toEqual([]);
  });

  test("a batch in which everything is wrong is answered with a bounded list", async () => {
    const fault = await refusalOf(
      submit(
        Array.from({ length: 5_000 }, () => 7),
        true,
      ),
    );
    expect(fault.errors.length).toBeLessThanOrEqual(100);
  });

  test("a deadlock with somebody else is repeated, and nobody hears of it", async () => {
    // Refuses the first transaction as PostgreSQL would.
    let begins = 0;
    const begin = (run: never) => {
      begins += 1;
      if (begins === 1)
        return Promise.reject(Object.assign(new Error("deadlock detected"), { code: "40P01" }));
      return api.ports.hotSql.begin(run);
    };
    const hotSql = new Proxy(api.ports.hotSql, {
      get: (target, name) => (name === "begin" ? begin : Reflect.get(target, name)),
    });
    const ports = { ...api.ports, hotSql };
    const items = [{ value: own("deadlock") }];
    const verdicts = await submitBatch(ports, api.user.identity, {
      ...{ items, isAtomic: true, requestBytes: 10, correlationId: "c" },
    });
    expect(verdicts.map(({ status }) => status)).toEqual([201]);
    expect(begins).toBe(2);
  });
});

test("two batches with the same tasks at once: each task is stored once, and both are told the truth", async () => {
  const tasks = Array.from({ length: 200 }, (_, index) => own(`race-${index}`));
  const [one, other] = await Promise.all([submit(tasks), submit([...tasks].reverse())]);
  const statuses = [...one, ...other].map(({ status }) => status);
  expect([
    statuses.filter((status) => status === 201).length,
    statuses.filter((status) => status === 200).length,
  ]).toEqual([200, 200]);
});
