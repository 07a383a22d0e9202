import { expect, test } from "bun:test";
import { PartWatch, type Reading } from "@millrace/core/alerts/index";
import { AlertReadings, type ReadingSources } from "@millrace/scheduler/alerts/readings";
import type { Measured } from "@millrace/scheduler/measure";
import { beatOf } from "../../../support/scheduler.ts";

const OWN = "me";
const NOW = Date.parse("2026-01-01T00:01:00Z");

function readingsOf(sources: Partial<ReadingSources> = {}) {
  const parts = new PartWatch(OWN, 0);
  parts.hear({ name: "scheduler", instance: OWN }, 0);
  const readings = new AlertReadings({
    ...{ parts, workers: () => [], disk: () => undefined, openBreakers: () => [] },
    ...{ natsMissing: () => 0, postgresMissing: () => 0, wallMs: () => NOW },
    ...sources,
  });
  return { parts, readings };
}

const ofRule = (
  readings: readonly Reading[],
  rule: string,
): readonly Readonly<Record<string, string | number>>[] =>
  readings.filter((reading) => reading.rule === rule).map(({ labels, value }) => ({ ...labels, value }));

function measuredOf(oldest: number, pausedLanes: readonly string[] = []): Measured {
  const level = { lane: "short", priority: 5, waiting: 1, due: 1, running: 0, oldestAgeS: oldest } as const;
  // Of what was measured, alerts look at these alone.
  return { levels: [level], pausedLanes } as unknown as Measured;
}

test("a dead worker is told of for a quarter of an hour; one that lives, never", () => {
  const beat = { ...beatOf("w-1", "s"), last_heartbeat_at: new Date(NOW - 60_000).toISOString() };
  const old = { ...beatOf("w-2", "s"), last_heartbeat_at: new Date(NOW - 3_600_000).toISOString() };
  const { readings } = readingsOf({
    workers: () => [
      { beat, liveness: "dead" },
      { beat: old, liveness: "dead" },
      { beat: { ...beat, worker_id: "w-3" }, liveness: "unhealthy" },
    ],
  });
  expect(ofRule(readings.round(1).readings, "worker_dead")).toEqual([{ worker: "w-1", value: 1 }]);
});

test("the age of a queue is told by lane, not of a paused one, and not when nobody measured it lately", () => {
  const { readings } = readingsOf();
  expect(readings.round(1).isMeasured("queue_age", { lane: "short" })).toBe(false);
  readings.noteMeasured(measuredOf(42), 1);
  expect(ofRule(readings.round(2).readings, "queue_age")).toEqual([{ lane: "short", value: 42 }]);
  readings.noteMeasured(measuredOf(42, ["short"]), 3);
  expect(ofRule(readings.round(4).readings, "queue_age")).toEqual([]);
  expect(readings.round(100_000).isMeasured("queue_age", { lane: "short" })).toBe(false);
});

test("the share of failures needs enough attempts to say anything", () => {
  const { parts, readings } = readingsOf();
  const tell = (completed: number, failed: number, nowMs: number) => {
    const facts = { attempts_completed: completed, attempts_failed: failed };
    parts.hear({ name: "worker", instance: "a", facts }, nowMs);
    return ofRule(readings.round(nowMs).readings, "error_rate");
  };
  expect(tell(1_000, 1_000, 0)).toEqual([]);
  expect(tell(1_010, 1_009, 1_000)).toEqual([]);
  expect(tell(1_010, 1_030, 2_000)).toEqual([{ value: 0.75 }]);
});

test("attempts of workers over HTTP count as those of our own; the api tells how they ended", () => {
  const { parts, readings } = readingsOf();
  const tell = (name: string, completed: number, failed: number, nowMs: number) => {
    const facts = { attempts_completed: completed, attempts_failed: failed };
    parts.hear({ name, instance: name, facts }, nowMs);
    return ofRule(readings.round(nowMs).readings, "error_rate");
  };
  tell("worker", 0, 0, 0);
  tell("api", 0, 0, 0);
  tell("worker", 10, 0, 1_000);
  expect(tell("api", 0, 30, 1_000)).toEqual([{ value: 0.75 }]);
});

test("the pulse says how much waits and runs, while that was measured a moment ago", () => {
  const { readings } = readingsOf();
  expect(readings.queueFacts(0)).toEqual({});
  const open = { waiting: 1, scheduled: 2, queued: 3, retryWait: 4, running: 5 };
  readings.noteMeasured({ ...measuredOf(0), open } as unknown as Measured, 1_000);
  expect(readings.queueFacts(30_000)).toEqual({ queue_pending: 10, queue_running: 5 });
  expect(readings.queueFacts(90_000)).toEqual({});
});

test("dead letters of five minutes are counted", () => {
  const { readings } = readingsOf();
  for (let letter = 0; letter < 4; letter += 1) readings.noteDeadLetter(letter);
  expect(ofRule(readings.round(5).readings, "dead_letters_rising")).toEqual([{ value: 4 }]);
  expect(ofRule(readings.round(5 * 60_000 + 10).readings, "dead_letters_rising")).toEqual([{ value: 0 }]);
});

test("what the recorder tells is judged while it lives", () => {
  const { parts, readings } = readingsOf();
  expect(readings.round(0).isMeasured("ledger_uneven", {})).toBe(false);
  parts.hear({ name: "recorder", instance: "r", facts: { lag_seconds: 90, unaccounted: 3 } }, 0);
  const round = readings.round(1);
  expect([
    round.isMeasured("ledger_uneven", {}),
    ofRule(round.readings, "recorder_lag"),
    ofRule(round.readings, "ledger_uneven"),
  ]).toEqual([...[true, [{ value: 90 }], [{ value: 3 }]]]);
});

test("disks are those of this machine and of the workers that live", () => {
  const beat = {
    ...beatOf("w-1", "s"),
    system_info: { cpu_usage: null, memory_usage: null, disk_usage: 0.95 },
  };
  const { readings } = readingsOf({
    disk: () => ({ sizeBytes: 100, availableBytes: 25 }),
    workers: () => [
      { beat, liveness: "alive" },
      { beat: { ...beat, worker_id: "w-2" }, liveness: "dead" },
    ],
  });
  expect(ofRule(readings.round(1).readings, "disk_nearly_full")).toEqual([
    { disk: "the servers", value: 0.75 },
    { disk: "w-1", value: 0.95 },
  ]);
});

test("whoever hears nothing says nothing about others, and that NATS is away", () => {
  const { readings } = readingsOf({ natsMissing: () => 1 });
  const round = readings.round(60_000);
  const parts = ["worker", "api", "nats", "postgres"].map((part) => round.isMeasured("part_down", { part }));
  expect(parts).toEqual([false, false, true, true]);
  expect(ofRule(round.readings, "part_down")).toContainEqual({ part: "nats", value: 1 });
});

test("breakers that are open are told by what they guard", () => {
  const { readings } = readingsOf({ openBreakers: () => ["http://a.test"] });
  expect(ofRule(readings.round(1).readings, "breaker_open")).toEqual([
    { breaker: "http://a.test", value: 1 },
  ]);
});
