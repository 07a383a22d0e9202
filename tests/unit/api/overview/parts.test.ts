import { expect, test } from "bun:test";
import { Parts } from "@millrace/api/overview/parts";
import type { PartReport } from "@millrace/protocol";

function partsAt() {
  const clock = { ms: 1_000_000 };
  const parts = new Parts(() => clock.ms);
  parts.begin();
  return { clock, parts };
}

const READY = { status: "ready", checks: {} } as const;

function report(name: string, overrides: Partial<PartReport> = {}): PartReport {
  return { name, instance: `${name}-1`, status: "ready", checks: {}, ...overrides };
}

function statusOf(parts: Parts, name: string) {
  return parts.view(READY).find((part) => part.name === name);
}

test("a part that was asked just now is not down yet, and one that never answers is", () => {
  const { clock, parts } = partsAt();
  expect(statusOf(parts, "recorder")?.status).toBe("unknown");
  clock.ms += 4_000;
  expect(statusOf(parts, "recorder")).toMatchObject({ status: "down", reason: "no process answers" });
});

test("a part that falls silent is down within four seconds, unless another process of it answers", () => {
  const { clock, parts } = partsAt();
  parts.hear([report("worker"), report("worker", { instance: "worker-2" })]);
  expect(statusOf(parts, "worker")).toMatchObject({ status: "up", instances: 2 });
  clock.ms += 3_000;
  parts.hear([report("worker", { instance: "worker-2" })]);
  clock.ms += 1_000;
  expect(statusOf(parts, "worker")).toMatchObject({ status: "up", instances: 1 });
  expect(parts.isAnswering("worker-1")).toBe(false);
  expect(parts.isAnswering("elsewhere")).toBeNull();
  clock.ms += 3_000;
  expect(statusOf(parts, "worker")?.status).toBe("down");
});

test("a part that lacks something says what; while NATS is away nobody is said to be down", () => {
  const { clock, parts } = partsAt();
  const checks = { postgres: { status: "down", reason: "refused" } } as const;
  parts.hear([report("scheduler", { status: "not_ready", checks })]);
  expect(statusOf(parts, "scheduler")).toMatchObject({ status: "degraded", reason: "postgres: refused" });
  clock.ms += 10_000;
  const view = parts.view({ status: "not_ready", checks: { nats: { status: "down", reason: "gone" } } });
  expect(view.find(({ name }) => name === "scheduler")?.status).toBe("unknown");
  expect(view.find(({ name }) => name === "nats")).toMatchObject({ status: "down", reason: "gone" });
});

test("rates come from counts that grow; a process that starts again takes nothing away", () => {
  const { clock, parts } = partsAt();
  const told = (instance: string, stored: number) =>
    report("recorder", { instance, details: { stored, lag_events: 4 } });
  parts.hear([told("a", 1_000)]);
  expect(parts.events().stored_per_s).toBeNull();
  clock.ms += 1_000;
  parts.hear([told("a", 1_500)]);
  expect(parts.events()).toMatchObject({ stored_per_s: 500, lag_events: 4 });
  clock.ms += 1_000;
  parts.hear([told("b", 10)]);
  expect(parts.events().stored_per_s).toBeGreaterThanOrEqual(0);
});
