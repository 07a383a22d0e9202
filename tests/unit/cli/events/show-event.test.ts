import { expect, test } from "bun:test";
import { showEvent } from "@millrace/cli/events/show-event";
import type { StoredEvent } from "@millrace/client";

function event(fields: Partial<StoredEvent> = {}): StoredEvent {
  return {
    ...{ id: "e1", timestamp: "2026-01-15T12:00:00.000Z", type: "order.failed", level: "error" },
    ...{ source: "shop", message: "no stock", attributes: {}, received_at: "", correlation_id: "c" },
    ...fields,
  };
}
const PLAIN = { isColoured: false };

test("an event is one line: time, level, source, type, message, attributes", () => {
  expect(showEvent(event({ attributes: { order: 7 } }), PLAIN)).toBe(
    '2026-01-15T12:00:00.000Z ERROR shop order.failed no stock {"order":7}',
  );
});

test("times have milliseconds, however finely they were given", () => {
  for (const timestamp of ["2026-01-15T12:00:00Z", "2026-01-15T12:00:00.000999Z"])
    expect(showEvent(event({ timestamp }), PLAIN)).toStartWith("2026-01-15T12:00:00.000Z ERROR");
});

test("levels are coloured only where that is wanted, and only those that stand out", () => {
  expect(showEvent(event(), { isColoured: true })).toContain("\u001b[31mERROR\u001b[0m");
  expect(showEvent(event({ level: "Warn" }), { isColoured: true })).toContain("\u001b[33mWARN \u001b[0m");
  expect(showEvent(event({ level: "info" }), { isColoured: true })).not.toContain("\u001b");
  expect(showEvent(event(), PLAIN)).not.toContain("\u001b");
});

test("no field breaks the line, or tells the terminal what to do", () => {
  const rude = "\u001b[2J\r\nnext\u0007";
  const line = showEvent(
    event({ level: rude, source: rude, type: rude, message: rude, attributes: { [rude]: rude } }),
    PLAIN,
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
  expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
});

test("an empty message leaves no gap", () => {
  expect(showEvent(event({ message: "", level: "info" }), PLAIN)).toBe(
    "2026-01-15T12:00:00.000Z INFO  shop order.failed",
  );
});
