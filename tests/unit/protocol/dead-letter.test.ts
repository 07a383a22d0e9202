import { expect, test } from "bun:test";
import { type DeadLetter, decodeDeadLetter } from "@millrace/protocol/dead-letter";

const LETTER: DeadLetter = {
  task_id: "t",
  task_type: "simulate",
  lane: "short",
  payload: { a: 1 },
  attempts: 3,
  error: { code: "BOOM", message: "it failed" },
  died_at: "2026-01-15T12:00:00.000Z",
  correlation_id: "c",
};

test("what was written is read", () => {
  expect(decodeDeadLetter(JSON.stringify(LETTER))).toEqual(LETTER);
});

test.each(["", "{", "null", "[]", '{"task_id":"t"}', '{"error":{}}', '"text"'])(
  "%j is no dead letter",
  (body) => {
    expect(decodeDeadLetter(body)).toBeNull();
  },
);
