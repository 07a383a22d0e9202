import type { Attempt, Task } from "@millrace/client";
import { formatFields } from "../shell/table.ts";

/** What a drill found. Times in milliseconds, by the stack's clock. */
export interface DrillReport {
  readonly drill: string;
  readonly run: string;
  readonly what: string;
  readonly began_at: string;
  readonly struck_at: string | null;
  readonly tasks: TaskVerdict;
  readonly events: EventVerdict;
  /** Requests that had to be sent again, because there was no answer, or a refusal that said so. */
  readonly repeated_requests: number;
  /** From the blow to the first task that was submitted after it and completed; null without a blow. */
  readonly recovered_after_ms: number | null;
  readonly ledger_is_even: boolean;
  readonly passed: boolean;
}

export interface TaskVerdict {
  readonly accepted: number;
  readonly completed: number;
  /** Accepted, and neither completed nor failed when the drill gave up waiting, or unknown to the stack. */
  readonly lost: number;
  readonly failed: number;
  /** With two completed attempts. */
  readonly completed_twice: number;
  /** Attempts beyond the first: what a worker had begun when it died is begun again. */
  readonly repeated_attempts: number;
  /** From submission to completion. */
  readonly median_ms: number;
  readonly slowest_ms: number;
}

export interface EventVerdict {
  readonly accepted: number;
  readonly stored: number;
  readonly lost: number;
  readonly twice: number;
}

export function judgeTasks(
  accepted: readonly string[],
  found: ReadonlyMap<string, Task>,
  attempts: ReadonlyMap<string, readonly Attempt[]>,
): TaskVerdict {
  const tasks = accepted.flatMap((id) => found.get(id) ?? []);
  const completed = tasks.filter(({ status }) => status === "completed");
  const failed = tasks.filter(({ status }) => status === "failed" || status === "cancelled").length;
  const tookMs = completed.map(tookMsOf).sort((one, other) => one - other);
  const twice = [...attempts.values()].filter(
    (each) => each.filter(({ status }) => status === "completed").length > 1,
  );
  return {
    accepted: accepted.length,
    completed: completed.length,
    lost: accepted.length - completed.length - failed,
    failed,
    completed_twice: twice.length,
    repeated_attempts: tasks.reduce((sum, task) => sum + Math.max(0, task.attempts - 1), 0),
    median_ms: tookMs[Math.floor(tookMs.length / 2)] ?? 0,
    slowest_ms: tookMs.at(-1) ?? 0,
  };
}

export function judgeEvents(accepted: number, stored: number): EventVerdict {
  return { accepted, stored, lost: Math.max(0, accepted - stored), twice: Math.max(0, stored - accepted) };
}

/** From the blow to the end of the first task that came after it. */
export function recoveredAfterMs(tasks: Iterable<Task>, struckAt: Date | null): number | null {
  if (struckAt === null) return null;
  const ends = [...tasks]
    .filter(
      ({ created_at: created, status }) =>
        Date.parse(created) >= struckAt.getTime() && status === "completed",
    )
    .map(({ completed_at: completed }) => Date.parse(completed ?? ""));
  return ends.length === 0 ? null : Math.min(...ends) - struckAt.getTime();
}

/** Nothing was lost, nothing happened twice, and the ledger adds up. */
export function hasPassed(report: Omit<DrillReport, "passed">): boolean {
  const { tasks, events } = report;
  return (
    tasks.lost + tasks.failed + tasks.completed_twice + events.lost + events.twice === 0 &&
    report.ledger_is_even
  );
}

function tookMsOf({ created_at: created, completed_at: completed }: Task): number {
  return Date.parse(completed ?? "") - Date.parse(created);
}

export function drawReport(report: DrillReport): string {
  const { tasks, events, recovered_after_ms: recoveredMs } = report;
  return formatFields([
    ["drill", `${report.drill}: ${report.what}`],
    [
      "tasks",
      `${tasks.accepted} accepted, ${tasks.completed} completed, ${tasks.failed} failed, ${tasks.lost} lost`,
    ],
    ["", `${tasks.completed_twice} completed twice; ${tasks.repeated_attempts} attempts were begun again`],
    ["", `from submission to completion ${tasks.median_ms} ms (median), ${tasks.slowest_ms} ms (slowest)`],
    [
      "events",
      `${events.accepted} accepted, ${events.stored} stored, ${events.lost} lost, ${events.twice} twice`,
    ],
    ["ledger", report.ledger_is_even ? "even" : "NOT EVEN"],
    ["requests", `${report.repeated_requests} had to be sent again`],
    ["recovered", recoveredMs === null ? null : `${recoveredMs} ms after the blow`],
    ["verdict", report.passed ? "passed" : "FAILED"],
  ]);
}
