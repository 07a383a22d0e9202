import { describe, expect, test } from "bun:test";
import { LOG_LINE_CHARS_MAX } from "@millrace/core/limits";
import { createLog, type Destination, type LogLevel, type LogOptions } from "@millrace/observe";

class Lines implements Destination {
  readonly lines: string[] = [];
  flushes = 0;
  write(line: string): void {
    this.lines.push(line);
  }
  flush(): void {
    this.flushes += 1;
  }
  get records(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line));
  }
}

function logTo(destination: Destination, options: Partial<LogOptions> = {}) {
  const now = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  return createLog({
    service: "api",
    level: "INFO",
    format: "json",
    destination,
    now,
    hasColors: false,
    ...options,
  });
}

describe("JSON", () => {
  test("a line has time, level, service and message first, then the fields", () => {
    const out = new Lines();
    logTo(out).info("hello", { task_id: "t-1", attempt: 2 });
    expect(out.lines).toEqual([
      '{"time":"2026-01-02T03:04:05.006Z","level":"INFO","service":"api","message":"hello","task_id":"t-1","attempt":2}\n',
    ]);
  });

  test.each([
    ["DEBUG", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]],
    ["WARNING", ["WARNING", "ERROR", "CRITICAL"]],
    ["CRITICAL", ["CRITICAL"]],
  ] satisfies [LogLevel, LogLevel[]][])("level %s writes %p", (level, written) => {
    const out = new Lines();
    const log = logTo(out, { level });
    log.debug("m");
    log.info("m");
    log.warning("m");
    log.error("m");
    log.critical("m");
    expect(out.records.map((record) => record.level)).toEqual(written);
    expect(log.isEnabled("DEBUG")).toBe(level === "DEBUG");
  });

  test("a child's fields stand in each of its lines, and not in its parent's", () => {
    const out = new Lines();
    const log = logTo(out);
    const child = log.child({ correlation_id: "c-1", password: "x" }).child({ task_id: "t" });
    child.info("one", { task_id: "t-2" });
    log.info("two");
    expect(out.records[0]).toMatchObject({ correlation_id: "c-1", password: "[redacted]", task_id: "t-2" });
    expect(out.records[1]).not.toHaveProperty("correlation_id");
  });

  test("fields cannot take the place of time, level, service or message", () => {
    const out = new Lines();
    logTo(out).info("real", { message: "fake", level: "DEBUG", service: "x", time: 0 });
    expect(out.records[0]).toMatchObject({
      message: "real",
      level: "INFO",
      service: "api",
      message_: "fake",
    });
  });

  test("a message cannot make a second line", () => {
    const out = new Lines();
    logTo(out).info('x\n{"level":"CRITICAL"}');
    expect(out.lines[0]?.indexOf("\n")).toBe((out.lines[0]?.length ?? 0) - 1);
  });

  test("a secret in the message is taken out", () => {
    const out = new Lines();
    logTo(out).error("cannot reach postgres://u:hunter2@db/m");
    expect(out.lines[0]).not.toContain("hunter2");
  });

  test("a line that is too long keeps its message and correlation id, and says that it was cut", () => {
    const out = new Lines();
    const nasty = '\u0000"\\'.repeat(2_000);
    logTo(out).info(nasty, { correlation_id: "c-1", a: nasty, b: nasty, c: nasty });
    expect(out.lines[0]?.length).toBeLessThanOrEqual(LOG_LINE_CHARS_MAX);
    expect(out.records[0]).toMatchObject({ correlation_id: "c-1", is_cut: true });
  });

  test("CRITICAL is flushed at once", () => {
    const out = new Lines();
    logTo(out).critical("the end");
    expect(out.flushes).toBe(1);
  });

  test("a destination that throws harms nobody", () => {
    const broken: Destination = {
      write: () => {
        throw new Error("no");
      },
      flush: () => {},
    };
    expect(() => logTo(broken).error("x")).not.toThrow();
  });
});

describe("pretty", () => {
  test("a line reads time, level, service, message, fields", () => {
    const out = new Lines();
    logTo(out, { format: "pretty" }).warning("slow", { ms: 12, path: "a b" });
    expect(out.lines).toEqual(['03:04:05.006 WARNING  api slow ms=12 path="a b"\n']);
  });

  test("an error shows its stack below the line", () => {
    const out = new Lines();
    logTo(out, { format: "pretty" }).error("failed", { error: new Error("why") });
    expect(out.lines[0]).toContain("failed\n    Error: why\n    at ");
  });

  test("the causes of an error are shown below it", () => {
    const out = new Lines();
    const error = new Error("outer", { cause: new TypeError("inner", { cause: "root\x1b" }) });
    logTo(out, { format: "pretty" }).error("failed", { error });
    expect(out.lines[0]).toMatch(
      /Error: outer.*\n {2}caused by\n {4}TypeError: inner.*\n {2}caused by root\\u001b\n$/s,
    );
  });

  test("control characters are shown, not obeyed", () => {
    const out = new Lines();
    logTo(out, { format: "pretty" }).info("a\n\x1b[2Jb", { "k\r": "\x07" });
    expect(out.lines[0]).toBe("03:04:05.006 INFO     api a\\n\\u001b[2Jb k\\r=\\u0007\n");
  });

  test("colours are off unless asked for", () => {
    const out = new Lines();
    logTo(out, { format: "pretty", hasColors: true }).info("x");
    logTo(out, { format: "pretty" }).info("x");
    expect(out.lines.map((line) => line.includes("\x1b["))).toEqual([true, false]);
  });
});
