import { expect, test } from "bun:test";
import { applySteps, type TaskFilter } from "@millrace/dashboard/page/pages/tasks/apply-steps";
import type { TaskLine } from "@millrace/dashboard/page/wire/shapes";
import type { StepView } from "@millrace/protocol/overview";

const ALL: TaskFilter = { status: "", taskType: "", priority: "" };

function line(id: string, second: number, overrides: Partial<TaskLine> = {}): TaskLine {
  return {
    ...{ task_id: id, task_type: "a", status: "pending", phase: "queued", priority: 5, lane: "short" },
    ...{ attempts: 0, max_attempts: 3, worker_id: null, progress: null },
    created_at: `2026-01-15T12:00:0${second}.000Z`,
    ...overrides,
  } as TaskLine;
}

function step(id: string, second: number, overrides: Partial<StepView> = {}): StepView {
  const created_at = `2026-01-15T12:00:0${second}.000Z`;
  const place = { task_type: "a", lane: "short", priority: 5 } as const;
  const state = { status: "running", phase: "running", attempt: 1, worker_id: "w" } as const;
  return { task_id: id, at: created_at, created_at, ...place, ...state, ...overrides };
}

test("a task that is shown changes in its place", () => {
  const items = applySteps([line("b", 2), line("a", 1)], [step("a", 1)], { filter: ALL, isWhole: true });
  expect(items?.map(({ task_id: id, status }) => [id, status])).toEqual([
    ["b", "pending"],
    ["a", "running"],
  ]);
});

test("a new task comes in by its age", () => {
  const items = applySteps([line("c", 3), line("a", 1)], [step("b", 2)], { filter: ALL, isWhole: true });
  expect(items?.map(({ task_id: id }) => id)).toEqual(["c", "b", "a"]);
});

test("what does not fit the filter any more goes, and what never did stays away", () => {
  const filter = { ...ALL, status: "pending" };
  const items = applySteps([line("a", 1)], [step("a", 1), step("b", 2)], { filter, isWhole: true });
  expect(items).toEqual([]);
});

test("a task that is older than the part of the list that was loaded stays away", () => {
  expect(applySteps([line("c", 5)], [step("a", 1)], { filter: ALL, isWhole: false })).toBeNull();
});

test("a step that does not say what it is about makes no row", () => {
  const { task_type: _, ...nameless } = step("x", 1);
  expect(applySteps([], [nameless], { filter: ALL, isWhole: true })).toBeNull();
});
