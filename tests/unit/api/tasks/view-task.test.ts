import { expect, test } from "bun:test";
import { viewNewTask } from "@millrace/api/tasks/view-task";
import { newTask } from "../../../support/task-store.ts";

const CREATED = new Date("2026-03-01T09:30:00.000Z");

test("a new task that is due later is scheduled, one that is due now or was due before is queued", () => {
  const phaseAt = (run_at: string | null) => viewNewTask(newTask({ run_at }), CREATED);
  expect(phaseAt("2026-03-01T09:30:00.001Z")).toMatchObject({
    phase: "scheduled",
    run_at: "2026-03-01T09:30:00.001Z",
    next_attempt_at: "2026-03-01T09:30:00.001Z",
  });
  for (const run_at of [null, "2026-03-01T09:30:00.000Z", "2025-01-01T00:00:00.000Z"])
    expect(phaseAt(run_at)).toMatchObject({ phase: "queued", run_at, next_attempt_at: null });
});
