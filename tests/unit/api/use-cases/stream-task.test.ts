import { afterAll, beforeAll, expect, test } from "bun:test";
import { PAYLOAD_BYTES_MAX, RESULT_BYTES_MAX } from "@millrace/core/limits";
import { claimAttempts, settleAttempts } from "@millrace/store";
import { until } from "../../../support/bus.ts";
import { startTaskApi, type TaskApi } from "../../../support/task-api.ts";
import { completion, failure } from "../../../support/task-store.ts";

let api: TaskApi;
beforeAll(async () => {
  api = await startTaskApi();
});
afterAll(() => api.close());

/** Submits a task; its internal id. */
async function submit(task_id: string, more: object = {}): Promise<number> {
  const { status } = await api.user.call("POST", "/api/tasks", {
    task_id,
    task_type: "nobodys.own",
    ...more,
  });
  if (status !== 201) throw new Error(`${task_id}: ${status}`);
  const [row] = await api.sql<{ seq: number }[]>`select seq from task_keys where task_id = ${task_id}`;
  return row?.seq ?? 0;
}

interface Following {
  /** What came so far: the event's name and what matters of its content. */
  readonly events: readonly (readonly [string, unknown])[];
  readonly isEnded: () => boolean;
  leave(): Promise<void>;
}

async function follow(taskId: string): Promise<Following> {
  const headers = { Authorization: `Bearer ${api.user.token}` };
  const response = await api.app.handle(
    new Request(`http://localhost/api/tasks/${taskId}/stream`, { headers }),
  );
  if (response.body === null || response.status !== 200) throw new Error(`status ${response.status}`);
  const reader = response.body.getReader();
  const events: (readonly [string, unknown])[] = [];
  let isEnded = false;
  const read = async (): Promise<void> => {
    let text = "";
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const parts = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const [, name = "", json = "null"] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? [];
        const content = JSON.parse(json);
        events.push([name, name === "task" ? content.phase : content]);
      }
    }
    isEnded = true;
  };
  void read();
  return { events, isEnded: () => isEnded, leave: () => reader.cancel() };
}

/** Something happened to the task, says a worker. */
function tell(): void {
  for (const watcher of api.live.watchers)
    watcher.onStep({ seq: 0, task_id: "", status: "running", phase: "running", attempt: 1 });
}

const phases = ({ events }: Following) => events.map(([name, content]) => (name === "task" ? content : name));

test("the task is told at first and at each change, progress in between, and the stream ends with it", async () => {
  const seq = await submit("followed");
  const following = await follow("followed");
  await until("the first event is there", () => following.events.length === 1);
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  tell();
  await until("it runs", () => following.events.length === 2);
  for (const watcher of api.live.watchers) {
    watcher.onProgress({ seq, attempt: 1, progress: 0.5, note: "half" });
    watcher.onProgress({ seq, attempt: 1, progress: 0.75 });
  }
  await settleAttempts(api.sql, "w~1", [failure(seq, 1, 60_000)]);
  tell();
  await until("it waits", () => following.events.length === 5);
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 2 }]);
  await settleAttempts(api.sql, "w~1", [completion(seq, 2)]);
  tell();
  await until("it is over", following.isEnded);
  expect(following.events).toEqual([
    ["task", "queued"],
    ["task", "running"],
    ["progress", { task_id: "followed", attempt: 1, progress: 0.5, note: "half" }],
    ["progress", { task_id: "followed", attempt: 1, progress: 0.75 }],
    ["task", "retry_wait"],
    ["task", "done"],
  ]);
  expect(api.live.watchers.size).toBe(0);
});

test("what did not change is not told again", async () => {
  const seq = await submit("unchanged");
  const following = await follow("unchanged");
  await until("the first event is there", () => following.events.length === 1);
  for (let round = 0; round < 20; round++) tell();
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  tell();
  await until("it runs", () => phases(following).includes("running"));
  expect(phases(following)).toEqual(["queued", "running"]);
  await following.leave();
  expect(api.live.watchers.size).toBe(0);
});

test("a task that is over is told, and the stream ends", async () => {
  const seq = await submit("over");
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  await settleAttempts(api.sql, "w~1", [completion(seq)]);
  const following = await follow("over");
  await until("it is over", following.isEnded);
  expect(phases(following)).toEqual(["done"]);
  expect(api.live.watchers.size).toBe(0);
});

test("a task with the largest payload and the largest result can be followed to its end", async () => {
  const seq = await submit("largest", { payload: "x".repeat(PAYLOAD_BYTES_MAX - 2) });
  const following = await follow("largest");
  await until("the first event is there", () => following.events.length === 1);
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  tell();
  await until("it runs", () => following.events.length === 2);
  const result = "y".repeat(RESULT_BYTES_MAX - 2);
  await settleAttempts(api.sql, "w~1", [{ seq, attempt: 1, kind: "completed", result }]);
  tell();
  await until("it is over", following.isEnded);
  expect(phases(following)).toEqual(["queued", "running", "done"]);
});

test("a task that is cancelled while followed ends its stream", async () => {
  await submit("cancelled", { delay: 3_600 });
  const following = await follow("cancelled");
  await until("the first event is there", () => following.events.length === 1);
  await api.user.call("POST", "/api/tasks/cancelled/cancel");
  tell(); // As the api does by NATS.
  await until("it is over", following.isEnded);
  expect(phases(following)).toEqual(["scheduled", "cancelled"]);
});

test("a task whose day was dropped while followed ends its stream", async () => {
  const seq = await submit("dropped");
  const following = await follow("dropped");
  await until("the first event is there", () => following.events.length === 1);
  await api.sql`delete from task_keys where seq = ${seq}`;
  tell();
  await until("it is over", following.isEnded);
  expect(phases(following)).toEqual(["queued"]);
});

test("another user's task, or none, is NOT_FOUND; an operator follows everybody's", async () => {
  await submit("foreign");
  for (const id of ["foreign", "nobody"]) {
    const { status, body } = await api.stranger.call("GET", `/api/tasks/${id}/stream`);
    expect({ id, status, code: body.code }).toEqual({ id, status: 404, code: "NOT_FOUND" });
  }
  const headers = { Authorization: `Bearer ${api.operator.token}` };
  const url = "http://localhost/api/tasks/foreign/stream";
  const response = await api.app.handle(new Request(url, { headers }));
  expect(response.status).toBe(200);
  await response.body?.cancel();
});

test("draining ends all streams at once", async () => {
  await submit("drained");
  const following = await follow("drained");
  await until("the first event is there", () => following.events.length === 1);
  api.drain();
  await until("it is over", following.isEnded);
  expect(api.live.watchers.size).toBe(0);
});
