import { expect } from "bun:test";
import type { FakeExternalApi } from "./fake-external-api.ts";
import { untilTrue } from "./running-stack.ts";
import type { TaskStack } from "./task-stack.ts";

export const MID_RUN_TASKS = 2_000;

export interface MidRun {
  readonly stack: TaskStack;
  readonly external: FakeExternalApi;
  /** Of the task ids. */
  readonly prefix: string;
  /** For what is left when it has happened. */
  readonly deadlineMs: number;
}

/**
 * Submits tasks that call the external API, lets something happen when a quarter is done, and waits for the rest: none
 * may be lost, and none may be done twice, by the external API's count and by the rows.
 */
export async function inMidRun(run: MidRun, happen: () => Promise<unknown>): Promise<void> {
  const { stack, external, prefix, deadlineMs } = run;
  const ids = Array.from({ length: MID_RUN_TASKS }, (_, index) => `${prefix}-${index}`);
  await stack.submitAll(
    ids.map((taskId, index) => ({
      ...{ task_id: taskId, task_type: "http.request", priority: 1 + (index % 10) },
      payload: { url: `${external.url}/?delay_ms=20` },
    })),
  );
  const done = () => ids.reduce((sum, taskId) => sum + (external.successes.get(taskId) ?? 0), 0);
  await untilTrue(() => done() >= MID_RUN_TASKS / 4, 20_000, "a quarter of the tasks");
  await happen();
  const doneThen = done();
  await stack.untilNoneOpen(`${prefix}-`, deadlineMs);

  expect(doneThen).toBeLessThan(MID_RUN_TASKS);
  const wrong = ids.filter(
    (taskId) => external.calls.get(taskId) !== 1 || external.successes.get(taskId) !== 1,
  );
  expect(wrong).toEqual([]);
  const rows = await stack.sql<{ kind: string; n: number }[]>`
    select kind, count(*)::integer as n from outcomes join tasks using (seq)
    where task_id like ${`${prefix}-%`} group by kind`;
  expect([...rows]).toEqual([{ kind: "completed", n: MID_RUN_TASKS }]);
}
