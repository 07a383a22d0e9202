import { expect, test } from "bun:test";
import { StepGatherer } from "@millrace/api/overview/steps";
import type { LiveTask } from "@millrace/protocol";

const AT = "2026-01-15T12:00:00.000Z";
/** Made at 2026-01-15T12:00:00Z, as the database makes ids. */
const SEQ = (Date.UTC(2026, 0, 15, 12) - Date.UTC(2025, 0, 1)) * 4_096;

function step(seq: number, overrides: Partial<LiveTask> = {}): LiveTask {
  return { seq, task_id: `t-${seq}`, attempt: 1, status: "running", phase: "running", ...overrides };
}

test("of each task the last step counts, and its time of creation is read from its id", () => {
  const gatherer = new StepGatherer();
  gatherer.add({
    worker_id: "w",
    at: AT,
    tasks: [step(SEQ), step(SEQ, { status: "completed", phase: "done" })],
  });
  const notice = gatherer.take();
  expect(notice?.steps).toHaveLength(1);
  expect(notice?.steps[0]).toMatchObject({ status: "completed", created_at: AT, worker_id: "w" });
  expect(gatherer.take()).toBeNull();
});

test("a storm names some tasks and counts the others", () => {
  const gatherer = new StepGatherer();
  const tasks = Array.from({ length: 1_000 }, (_, index) => step(SEQ + index));
  gatherer.add({ worker_id: "w", at: AT, tasks });
  const notice = gatherer.take();
  expect((notice?.steps.length ?? 0) + (notice?.left_out ?? 0)).toBe(1_000);
  expect(notice?.steps.length).toBeLessThan(100);
});
