import { describe, expect, test } from "bun:test";
import { BoundedEcho, natsAlarm, postgresAlarm, serviceAlarm } from "@millrace/stack/supervise/alarm";

describe("a service", () => {
  test("alarms with ERROR and CRITICAL, and says why", () => {
    const error = { message: "connection refused" };
    expect(serviceAlarm(JSON.stringify({ level: "ERROR", message: "lost the bus", error }))).toBe(
      "lost the bus: connection refused",
    );
    expect(serviceAlarm(JSON.stringify({ level: "CRITICAL", message: "gone" }))).toBe("gone");
  });

  test.each(["DEBUG", "INFO", "WARNING"])("does not alarm with %s", (level) => {
    expect(serviceAlarm(JSON.stringify({ level, message: "fine" }))).toBeUndefined();
  });

  test("alarms with what is not JSON: a crash speaks no JSON", () => {
    expect(serviceAlarm("error: Cannot find module")).toBe("error: Cannot find module");
    expect(serviceAlarm("{ broken")).toBe("{ broken");
    expect(serviceAlarm("  ")).toBeUndefined();
  });
});

test("nats-server alarms with errors, not with its greeting", () => {
  expect(natsAlarm("[1] 2026/01/01 00:00:00.000000 [ERR] disk full")).toBe("[ERR] disk full");
  expect(natsAlarm("[1] 2026/01/01 00:00:00.000000 [INF] Server is ready")).toBeUndefined();
});

test("PostgreSQL alarms with PANIC, not with a statement's error", () => {
  expect(postgresAlarm("2026-01-01 [7] PANIC:  could not write to file")).toBe(
    "PANIC:  could not write to file",
  );
  expect(postgresAlarm("2026-01-01 [7] ERROR:  duplicate key")).toBeUndefined();
});

test("an echo passes the first lines of a window and says once that there are more", () => {
  const shown: string[] = [];
  let nowMs = 0;
  const echo = new BoundedEcho(
    (text) => shown.push(text),
    () => nowMs,
    { linesMax: 2, windowMs: 100 },
  );
  for (const text of ["a", "b", "c", "d"]) echo.show(text, "api.log");
  nowMs = 100;
  echo.show("e", "api.log");
  expect(shown).toEqual(["a", "b", "… and more: api.log", "e"]);
});
