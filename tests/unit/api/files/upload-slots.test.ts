import { expect, test } from "bun:test";
import { UploadSlots } from "@millrace/api/files/upload-slots";
import { UPLOADS_AT_ONCE_MAX, UPLOADS_AT_ONCE_PER_USER_MAX } from "@millrace/core/limits";

function takeMany(slots: UploadSlots, userId: number, count: number) {
  return Array.from({ length: count }, () => slots.take(userId));
}

test("one user gets a share of the uploads at once, and others still get in", () => {
  const slots = new UploadSlots();
  const [first] = takeMany(slots, 1, UPLOADS_AT_ONCE_PER_USER_MAX);
  expect(() => slots.take(1)).toThrow(expect.objectContaining({ code: "TOO_MANY_REQUESTS", retryAfterS: 2 }));
  slots.take(2);
  first?.();
  slots.take(1);
  expect(slots.taken).toBe(UPLOADS_AT_ONCE_PER_USER_MAX + 1);
});

test("beyond what the process takes in at once, everybody is sent away, and a slot given back counts once", () => {
  const slots = new UploadSlots();
  const releases = Array.from({ length: UPLOADS_AT_ONCE_MAX }, (_, user) => slots.take(user));
  expect(() => slots.take(999)).toThrow(expect.objectContaining({ code: "OVERLOADED", retryAfterS: 2 }));
  releases[0]?.();
  releases[0]?.();
  slots.take(999);
  expect(() => slots.take(1000)).toThrow();
});
