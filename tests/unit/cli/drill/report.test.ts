import { expect, test } from "bun:test";
import {
  type DrillReport,
  drawReport,
  hasPassed,
  judgeEvents,
  judgeTasks,
  recoveredAfterMs,
} from "@millrace/cli/drill/report";
import type { Attempt, Task } from "@millrace/client";

const AT = Date.UTC(2026, 0, 15, 12);
const iso = (ms: number) => new Date(AT + ms).toISOString();

/** Of a task, what a verdict looks at. */
function task(id: string, overrides: Partial<Task> = {}): Task {
  const seen = { status: "completed", attempts: 1, created_at: iso(0), completed_at: iso(50) } as const;
  return { task_id: id, ...seen, ...overrides } as Task;
}
const mapOf = (...tasks: readonly Task[]) => new Map(tasks.map((each) => [each.task_id, each]));
const attempt = (status: Attempt["status"]) => ({ status }) as Attempt;

test("each accepted task is completed, failed or lost", () => {
  const found = mapOf(
    task("a"),
    task("b", { status: "failed" }),
    task("c", { status: "running", completed_at: null }),
  );
  expect(judgeTasks(["a", "b", "c", "d"], found, new Map())).toMatchObject({
    ...{ accepted: 4, completed: 1, failed: 1, lost: 2 },
  });
});

test("an attempt that was begun again is no second completion", () => {
  const found = mapOf(task("a", { attempts: 2 }), task("b", { attempts: 3 }));
  const attempts = new Map([
    ["a", [attempt("lost"), attempt("completed")]],
    ["b", [attempt("completed"), attempt("lost"), attempt("completed")]],
  ]);
  expect(judgeTasks(["a", "b"], found, attempts)).toMatchObject({ repeated_attempts: 3, completed_twice: 1 });
});

test("events are missing or too many, never both", () => {
  expect(judgeEvents(10, 10)).toMatchObject({ lost: 0, twice: 0 });
  expect(judgeEvents(10, 7)).toMatchObject({ lost: 3, twice: 0 });
  expect(judgeEvents(10, 12)).toMatchObject({ lost: 0, twice: 2 });
});

test("the stack has recovered when a task that came after the blow is completed", () => {
  const struck = new Date(AT + 100);
  const before = task("a", { created_at: iso(90), completed_at: iso(110) });
  const after = task("b", { created_at: iso(120), completed_at: iso(400) });
  expect(recoveredAfterMs([before, after], struck)).toBe(300);
  expect(recoveredAfterMs([before], struck)).toBeNull();
  expect(recoveredAfterMs([before, after], null)).toBeNull();
});

const GOOD: Omit<DrillReport, "passed"> = {
  ...{ drill: "kill-worker", run: "drill-x", what: "killed worker (1)", began_at: iso(0), struck_at: iso(1) },
  tasks: {
    ...{ accepted: 2, completed: 2, lost: 0, failed: 0, completed_twice: 0 },
    ...{ repeated_attempts: 1, median_ms: 5, slowest_ms: 9 },
  },
  events: { accepted: 3, stored: 3, lost: 0, twice: 0 },
  ...{ repeated_requests: 4, recovered_after_ms: 120, ledger_is_even: true },
};

test("begun again is fine; lost, failed, twice or uneven is not", () => {
  expect(hasPassed(GOOD)).toBe(true);
  for (const flaw of ["lost", "failed", "completed_twice"] as const)
    expect(hasPassed({ ...GOOD, tasks: { ...GOOD.tasks, [flaw]: 1 } })).toBe(false);
  for (const flaw of ["lost", "twice"] as const)
    expect(hasPassed({ ...GOOD, events: { ...GOOD.events, [flaw]: 1 } })).toBe(false);
  expect(hasPassed({ ...GOOD, ledger_is_even: false })).toBe(false);
});

test("the report says what was found, and a failure cannot be overlooked", () => {
  const text = drawReport({ ...GOOD, passed: true });
  expect(text).toContain("killed worker (1)");
  expect(text).toContain("2 accepted, 2 completed, 0 failed, 0 lost");
  expect(text).toMatch(/verdict +passed/);
  expect(drawReport({ ...GOOD, ledger_is_even: false, passed: false })).toMatch(/NOT EVEN[\s\S]*FAILED/);
});
