import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ERROR_MESSAGE_CHARS_MAX, JSON_DEPTH_MAX, PAYLOAD_BYTES_MAX } from "@millrace/core/limits";
import type { Json } from "@millrace/core/task";
import {
  cancelTask,
  findTask,
  listDeadLetters,
  listTasks,
  loadDispatches,
  reopenTask,
  settleAttempts,
} from "@millrace/store";
import {
  death,
  newTask,
  openTaskStore,
  submitClaimed,
  submitMany,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
});
afterAll(() => store.close());

function nested(depth: number): Json {
  let value: Json = "bottom";
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const CONTENTS: readonly (readonly [what: string, content: Json])[] = [
  ["NUL", { a: "x\0y", "k\0": 1 }],
  ["half of a surrogate pair", ["\ud800", "\udc00", "x\udfffy"]],
  ["what only looks like NUL", { a: "\\u0000", b: "\\\\u0000", c: "\\ud800" }],
  ["NUL beside a backslash", { a: "\\\0", b: '"\0"' }],
  ["the most bytes that a payload may have", "x".repeat(PAYLOAD_BYTES_MAX - 2)],
  ["the deepest nesting that is allowed", nested(JSON_DEPTH_MAX)],
  ["null", null],
  ["a bare text", "just text"],
  ["a number with 15 digits and zero", [123_456_789_012_345, 0, -0.5, 1e300]],
  ["names of columns", { i: 7, seq: 8, attempt: 9, kind: "dead", payload: null, result: 1 }],
  ["quotes, braces and commas", `{"a", 'b' \\ \n\r\t \u2028 \u0001 🦦`],
];

describe.each(CONTENTS)("%s", (_, content) => {
  test("as a payload comes back as it went in, by every way, and spares its neighbours", async () => {
    const tasks = [newTask(), newTask({ payload: content }), newTask()];
    const seqs = await submitMany(store.sql, tasks);
    expect((await findTask(store.sql, tasks[1]?.task_id ?? ""))?.payload).toEqual(content);
    const due = await loadDispatches(store.sql, seqs);
    expect(due.find(({ dispatch }) => dispatch.seq === seqs[1])?.dispatch.payload).toEqual(content);
    expect((await listTasks(store.sql, { ownerId: 1, limit: 3, offset: 0 }))[1]?.payload).toEqual(content);
  });

  test("as a result comes back as it went in, among completions and among other outcomes", async () => {
    for (const neighbour of ["completed", "dead"] as const) {
      const task_id = Bun.randomUUIDv7();
      const seq = await submitClaimed(store.sql, "w~1", { task_id });
      const other = await submitClaimed(store.sql, "w~1");
      const answers = await settleAttempts(store.sql, "w~1", [
        { seq, attempt: 1, kind: "completed", result: content },
        neighbour === "dead" ? death(other) : { seq: other, attempt: 1, kind: "completed", result: 1 },
      ]);
      expect(answers.map(({ kind }) => kind)).toEqual(["settled", "settled"]);
      const record = await findTask(store.sql, task_id);
      expect(record).toMatchObject({ status: "completed" });
      expect(record?.result).toEqual(content);
    }
  });

  test("as the payload of a redrive takes the place of the former one", async () => {
    const task_id = Bun.randomUUIDv7();
    const seq = await submitClaimed(store.sql, "w~1", { task_id });
    await settleAttempts(store.sql, "w~1", [death(seq)]);
    expect(await reopenTask(store.sql, { seq, redrivenBy: 1, payload: content, delayMs: 0 })).toBe(true);
    expect((await findTask(store.sql, task_id))?.payload).toEqual(content);
  });
});

describe("error texts", () => {
  test("that PostgreSQL cannot hold are stored without what it cannot", async () => {
    const task_id = Bun.randomUUIDv7();
    const seq = await submitClaimed(store.sql, "w~1", { task_id });
    const hostile = { error_code: "A\0B", error_message: "x\0y \ud800" };
    const [answer] = await settleAttempts(store.sql, "w~1", [{ seq, attempt: 1, kind: "dead", ...hostile }]);
    expect(answer?.kind).toBe("settled");
    const error = { code: "AB", message: "xy \ufffd" };
    expect((await findTask(store.sql, task_id))?.error).toEqual(error);
    const [letter] = await listDeadLetters(store.sql, { ownerId: null, taskIds: [task_id], limit: 1 });
    expect(letter).toMatchObject({ errorCode: "AB", errorMessage: error.message });
  });

  test("that are very long are cut", async () => {
    const task_id = Bun.randomUUIDv7();
    const seq = await submitClaimed(store.sql, "w~1", { task_id });
    const error_message = "x".repeat(3_000_000);
    await settleAttempts(store.sql, "w~1", [
      { seq, attempt: 1, kind: "dead", error_code: "LONG", error_message },
    ]);
    expect((await findTask(store.sql, task_id))?.error?.message.length).toBe(ERROR_MESSAGE_CHARS_MAX);
  });

  test("given as the reason of a cancellation are treated alike", async () => {
    const task_id = Bun.randomUUIDv7();
    const [seq = 0] = await submitMany(store.sql, [newTask({ task_id })]);
    await cancelTask(store.sql, seq, `no\0t wanted${"!".repeat(5_000)}`);
    const error = (await findTask(store.sql, task_id))?.error;
    expect(error?.message.slice(0, 11)).toBe("not wanted!");
    expect(error?.message.length).toBeLessThanOrEqual(ERROR_MESSAGE_CHARS_MAX);
  });
});
