import { describe, expect, test } from "bun:test";
import { SCHEDULE_CATCH_UP_MS_MAX, SCHEDULE_LATE_MS_MAX } from "@millrace/core/limits";
import {
  type Cadence,
  cronProblem,
  type DueQuestion,
  dueTicks,
  firstTick,
  isTimeZone,
  nextTick,
  nextTicks,
  tickTaskId,
} from "@millrace/core/schedule";
import fc from "fast-check";

const at = (text: string): number => Date.parse(text);
const iso = (ticks: readonly number[]) =>
  ticks.map((tick) => new Date(tick).toISOString().replace(".000Z", "Z"));
const cron = (expression: string, timeZone = "UTC"): Cadence => ({ kind: "cron", expression, timeZone });
const after = (cadence: Cadence, from: string, count: number) => iso(nextTicks(cadence, at(from), { count }));

describe("a local time that a clock change skips is due at the moment of the change", () => {
  test("in Berlin, where 02:30 is missing on 29 March 2026", () => {
    expect(after(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T00:00:00Z", 3)).toEqual([
      "2026-03-28T01:30:00Z",
      "2026-03-29T01:00:00Z",
      "2026-03-30T00:30:00Z",
    ]);
  });

  test("in New York, where 02:30 is missing on 8 March 2026", () => {
    expect(after(cron("30 2 * * *", "America/New_York"), "2026-03-08T00:00:00Z", 2)).toEqual([
      "2026-03-08T07:00:00Z",
      "2026-03-09T06:30:00Z",
    ]);
  });

  test("on Lord Howe Island, whose clocks go on by half an hour on 4 October 2026", () => {
    expect(after(cron("15 2 * * *", "Australia/Lord_Howe"), "2026-10-03T00:00:00Z", 3)).toEqual([
      "2026-10-03T15:30:00Z",
      "2026-10-04T15:15:00Z",
      "2026-10-05T15:15:00Z",
    ]);
  });

  test("and two of them that fall on that moment are one tick", () => {
    expect(after(cron("0,30 2,3 * * *", "Europe/Berlin"), "2026-03-29T00:00:00Z", 3)).toEqual([
      "2026-03-29T01:00:00Z",
      "2026-03-29T01:30:00Z",
      "2026-03-30T00:00:00Z",
    ]);
  });
});

describe("a local time that comes twice", () => {
  test.each([
    ["Europe/Berlin", "30 2 * * *", "2026-10-25T00:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]],
    [
      "America/New_York",
      "30 1 * * *",
      "2026-11-01T00:00:00Z",
      ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    ],
    [
      "Australia/Lord_Howe",
      "45 1 * * *",
      "2026-04-04T00:00:00Z",
      ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    ],
  ])("is due at its first coming in %s", (timeZone, expression, from, expected) => {
    expect(after(cron(expression, timeZone), from, 2)).toEqual(expected);
  });

  test("is due both times for what runs every half hour", () => {
    expect(after(cron("*/30 * * * *", "Europe/Berlin"), "2026-10-24T23:59:00Z", 5)).toEqual([
      "2026-10-25T00:00:00Z",
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25T01:30:00Z",
      "2026-10-25T02:00:00Z",
    ]);
  });

  test("passes for what runs each second without a gap and without a repetition", () => {
    const ticks = nextTicks(cron("* * * * * *", "Europe/Berlin"), at("2026-10-25T00:59:58Z"), { count: 5 });
    expect(iso(ticks)).toEqual([
      "2026-10-25T00:59:59Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25T01:00:01Z",
      "2026-10-25T01:00:02Z",
      "2026-10-25T01:00:03Z",
    ]);
  });
});

describe("cron", () => {
  test("knows leap days", () => {
    expect(after(cron("0 12 29 2 *"), "2026-01-01T00:00:00Z", 2)).toEqual([
      "2028-02-29T12:00:00Z",
      "2032-02-29T12:00:00Z",
    ]);
    // 2100 is none, although four divides it.
    expect(after(cron("0 0 29 2 *"), "2096-03-01T00:00:00Z", 1)).toEqual(["2104-02-29T00:00:00Z"]);
  });

  test("takes the next second after any part of one, and never the same moment again", () => {
    expect(after(cron("* * * * * *"), "2026-01-01T00:00:00.001Z", 1)).toEqual(["2026-01-01T00:00:01Z"]);
    expect(after(cron("* * * * * *"), "2026-01-01T00:00:01Z", 1)).toEqual(["2026-01-01T00:00:02Z"]);
  });

  test("takes either of two days, when both are given, and words for them", () => {
    expect(after(cron("0 0 13 * FRI"), "2026-01-10T00:00:00Z", 2)).toEqual([
      "2026-01-13T00:00:00Z",
      "2026-01-16T00:00:00Z",
    ]);
    expect(after(cron("@daily", "Asia/Kathmandu"), "2026-01-01T00:00:00Z", 1)).toEqual([
      "2026-01-01T18:15:00Z",
    ]);
  });

  test.each([
    ["", "five fields"],
    ["* * * *", "five fields"],
    ["* * * * * * *", "five fields"],
    ["2026-01-01T00:00:00Z", "five fields"],
    ["@reboot", "five fields"],
    ["61 * * * *", "61"],
    ["a b c d e", "not a cron expression"],
    ["*/0 * * * *", "0"],
    ["5-1 * * * *", "5-1"],
    ["0 0 31 2 *", "never comes due"],
    [`${"1,".repeat(60)}1 * * * *`, "at most 100 characters"],
  ])("%p is refused, and it is said why", (expression, word) => {
    expect(cronProblem(expression, "UTC", at("2026-01-01T00:00:00Z"))).toContain(word);
  });

  test.each(["* * * * *", "0 3 * * 1-5", "*/5 * * * * *", "@hourly", "0 0 L * *"])(
    "%p is taken",
    (expression) => {
      expect(cronProblem(expression, "Europe/Berlin", at("2026-01-01T00:00:00Z"))).toBeNull();
    },
  );
});

test.each([
  ["Europe/Berlin", true],
  ["UTC", true],
  ["Mars/Olympus", false],
  ["+02:00", false],
  ["", false],
  ["x".repeat(100), false],
])("the time zone %p is known: %p", (name, isKnown) => {
  expect(isTimeZone(name)).toBe(isKnown);
});

describe("every so many seconds", () => {
  const cadence: Cadence = { kind: "every", seconds: 90, anchorMs: at("2026-01-01T00:00:00Z") };

  test("counts from its anchor, whatever the clocks do, and starts with it", () => {
    expect(after(cadence, "2025-12-01T00:00:00Z", 2)).toEqual([
      "2026-01-01T00:00:00Z",
      "2026-01-01T00:01:30Z",
    ]);
    expect(after(cadence, "2026-01-01T00:00:00Z", 1)).toEqual(["2026-01-01T00:01:30Z"]);
    expect(after(cadence, "2026-03-29T00:00:01Z", 1)).toEqual(["2026-03-29T00:01:30Z"]);
  });

  test("of less than a second is no cadence", () => {
    expect(() => nextTick({ ...cadence, seconds: 0 }, 0)).toThrow("bounds");
  });
});

test("a schedule begins with its first tick at or after its start, and has none after its end", () => {
  const nowMs = at("2026-01-01T12:00:00Z");
  const first = (startMs: number | null, endMs: number | null) =>
    firstTick(cron("0 * * * *"), { nowMs, startMs, endMs });
  expect(first(null, null)).toBe(at("2026-01-01T13:00:00Z"));
  expect(first(at("2026-01-05T00:00:00Z"), null)).toBe(at("2026-01-05T00:00:00Z"));
  expect(first(at("2025-01-05T00:00:00Z"), null)).toBe(at("2026-01-01T13:00:00Z"));
  expect(first(null, at("2026-01-01T13:00:00Z"))).toBe(at("2026-01-01T13:00:00Z"));
  expect(first(null, at("2026-01-01T12:59:59Z"))).toBeNull();
});

describe("what is due", () => {
  const NOW = at("2026-06-01T12:00:00Z");
  const HOURLY: Cadence = { kind: "every", seconds: 3600, anchorMs: at("2026-01-01T00:30:00Z") };
  const SECONDS = cron("* * * * * *");
  const ask = (more: Partial<DueQuestion>) =>
    dueTicks({
      cadence: HOURLY,
      missed: "latest",
      dueMs: at("2026-06-01T08:30:00Z"),
      nowMs: NOW,
      endMs: null,
      heldSinceMs: null,
      limit: 100,
      ...more,
    });

  test("is nothing before its time", () => {
    expect(ask({ dueMs: NOW + 1_800_000 })).toEqual({ run: [], hasSkipped: false, nextMs: NOW + 1_800_000 });
  });

  test.each(["skip", "latest", "catch_up"] as const)(
    "runs late, not missed, within seconds, under %s",
    (missed) => {
      const dueMs = NOW - SCHEDULE_LATE_MS_MAX;
      const { run, hasSkipped, nextMs } = ask({ cadence: SECONDS, missed, dueMs });
      expect(run).toHaveLength(SCHEDULE_LATE_MS_MAX / 1000 + 1);
      expect([run[0], hasSkipped, nextMs]).toEqual([dueMs, false, NOW + 1_000]);
    },
  );

  test("after hours of absence is nothing under skip, the latest under latest, and each under catch_up", () => {
    const nextMs = at("2026-06-01T12:30:00Z");
    expect(ask({ missed: "skip" })).toEqual({ run: [], hasSkipped: true, nextMs });
    expect(ask({ missed: "latest" })).toEqual({
      run: [at("2026-06-01T11:30:00Z")],
      hasSkipped: true,
      nextMs,
    });
    expect(iso(ask({ missed: "catch_up" }).run)).toEqual([
      "2026-06-01T08:30:00Z",
      "2026-06-01T09:30:00Z",
      "2026-06-01T10:30:00Z",
      "2026-06-01T11:30:00Z",
    ]);
  });

  test("under catch_up goes back a day, and to the latest when that is older", () => {
    const monthly = cron("0 0 1 * *");
    const dueMs = at("2026-03-01T00:00:00Z");
    const since = ask({ missed: "catch_up", dueMs: at("2026-04-01T00:30:00Z"), limit: 1_000 });
    expect(since.run[0]).toBe(at("2026-05-31T12:30:00Z"));
    expect(since.hasSkipped).toBeTrue();
    expect(SCHEDULE_CATCH_UP_MS_MAX).toBe(86_400_000);
    const late = { cadence: monthly, missed: "catch_up", dueMs, nowMs: at("2026-05-20T00:00:00Z") } as const;
    expect(iso(ask(late).run)).toEqual(["2026-05-01T00:00:00Z"]);
  });

  test("after a year of missed seconds is found without walking through them", () => {
    const startedMs = performance.now();
    const { run, nextMs } = ask({ cadence: SECONDS, dueMs: NOW - 365 * 86_400_000 });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    // The latest of those that were missed, and those that are late.
    expect(run).toHaveLength(SCHEDULE_LATE_MS_MAX / 1000 + 2);
    expect([run[0], nextMs]).toEqual([NOW - SCHEDULE_LATE_MS_MAX - 1_000, NOW + 1_000]);
  });

  test("comes in portions, each of which says where the next one begins", () => {
    const first = ask({ missed: "catch_up", limit: 3 });
    expect(first.run).toHaveLength(3);
    const second = ask({ missed: "catch_up", limit: 3, dueMs: first.nextMs ?? 0 });
    expect(iso(second.run)).toEqual(["2026-06-01T11:30:00Z"]);
  });

  test("ends with the schedule: a tick at its end is run, none after it", () => {
    const endMs = at("2026-06-01T10:30:00Z");
    const { run, nextMs } = ask({ missed: "catch_up", endMs });
    expect(iso(run)).toEqual(["2026-06-01T08:30:00Z", "2026-06-01T09:30:00Z", "2026-06-01T10:30:00Z"]);
    expect(nextMs).toBeNull();
    expect(iso(ask({ missed: "latest", endMs }).run)).toEqual(["2026-06-01T10:30:00Z"]);
    expect(ask({ missed: "skip", endMs })).toMatchObject({ run: [], nextMs: null });
  });

  test("is not missed when it was held back behind an unfinished run", () => {
    const heldSinceMs = at("2026-06-01T09:30:00Z");
    expect(iso(ask({ missed: "skip", dueMs: heldSinceMs, heldSinceMs, limit: 1 }).run)).toEqual([
      "2026-06-01T09:30:00Z",
    ]);
  });

  test("is never before what was due, never after now, in order, and skips nothing in between", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("skip", "latest", "catch_up" as const),
        fc.integer({ min: 1, max: 7_200 }),
        fc.integer({ min: 0, max: 3 * 86_400 }),
        fc.integer({ min: 1, max: 50 }),
        (missed, seconds, lateS, limit) => {
          const cadence: Cadence = { kind: "every", seconds, anchorMs: NOW - lateS * 1000 };
          const { run, nextMs } = ask({ cadence, missed, dueMs: cadence.anchorMs, limit });
          const all = [...run, nextMs ?? 0];
          for (const [index, tick] of run.entries()) {
            expect(tick >= cadence.anchorMs && tick <= NOW).toBeTrue();
            // The latest of the missed stands apart from those that are late; none lies between two others.
            expect(all[index + 1]).toBe(nextTick(cadence, tick) ?? 0);
          }
          if (run.length < limit) expect(nextMs ?? 0).toBeGreaterThan(NOW);
        },
      ),
    );
  });
});

test("the same tick of the same schedule is the same task", () => {
  expect(tickTaskId("nightly", at("2026-03-01T02:30:00Z"))).toBe("nightly:2026-03-01T02:30:00Z");
});
