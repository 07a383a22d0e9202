import { afterAll, beforeAll, expect, test } from "bun:test";
import { createMetrics } from "@millrace/observe";
import { createStoreGauges, measure } from "@millrace/scheduler/measure";
import { submitTasks } from "@millrace/store";
import { newTask, openTaskStore, type TaskStore } from "../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
});
afterAll(() => store.close());

test("the queue is measured by lane and priority, and its oldest task's age", async () => {
  const metrics = createMetrics({ service: "scheduler" });
  const gauges = createStoreGauges(metrics);
  await submitTasks(store.sql, [
    newTask({ task_id: "a", priority: 7 }),
    newTask({ task_id: "b", priority: 7 }),
  ]);
  const { levels, open } = await measure({ sql: store.sql }, gauges);
  expect(levels.find(({ lane, priority }) => lane === "short" && priority === 7)).toMatchObject({ due: 2 });
  expect(open.queued).toBe(2);
  const told = await metrics.render();
  expect(told).toContain('millrace_queue_tasks{lane="short",priority="7",state="due",service="scheduler"} 2');
  expect(told).toContain('millrace_open_tasks{state="queued",service="scheduler"} 2');
  expect(told).toMatch(
    /millrace_queue_oldest_age_seconds\{lane="short",priority="7",service="scheduler"\} 0\.\d/,
  );
  expect(told).toMatch(/millrace_postgres_connections_limit\{service="scheduler"\} [1-9]/);
});
