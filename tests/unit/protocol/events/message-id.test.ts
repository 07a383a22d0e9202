import { expect, test } from "bun:test";
import { batchMessageId, keyDigest, repeatableMessageId } from "@millrace/protocol/events/message-id";

test("no two messages share an id, and a repetition has the same one", () => {
  const digest = keyDigest("my key");
  const ids = [
    batchMessageId({ instance: "a", ordinal: 1 }),
    batchMessageId({ instance: "a", ordinal: 11 }),
    batchMessageId({ instance: "a1", ordinal: 1 }),
    repeatableMessageId({ owner: 1, digest, part: 0 }),
    repeatableMessageId({ owner: 1, digest, part: 1 }),
    repeatableMessageId({ owner: 2, digest, part: 0 }),
    repeatableMessageId({ owner: 1, digest: keyDigest("my other key"), part: 0 }),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(repeatableMessageId({ owner: 1, digest: keyDigest("my key"), part: 0 })).toBe(ids[3] ?? "");
});

test("a digest is short and says nothing of its key", () => {
  expect(keyDigest("k".repeat(255))).toMatch(/^[0-9a-f]{16}$/);
});
