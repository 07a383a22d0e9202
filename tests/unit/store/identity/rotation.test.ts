import { expect, test } from "bun:test";
import { judgeRotation, type Presented, type RotationState } from "@millrace/store/identity/rotation";

const hash = (name: string) => new Bun.CryptoHasher("sha256").update(name).digest();
const NOW = new Date("2026-01-15T12:00:00Z");
const before = (ms: number) => new Date(NOW.getTime() - ms);

/** T1 was used a second ago and gave T2. */
const state: RotationState = {
  tokenHash: hash("T2"),
  previousHash: hash("T1"),
  rotatedAt: before(1_000),
  expiresAt: new Date("2026-02-01T00:00:00Z"),
  endReason: null,
};
const presented = (token: string, successor: string): Presented => ({
  tokenHash: hash(token),
  successorHash: hash(successor),
  now: NOW,
  graceMs: 60_000,
});

test("the current token is rotated", () => {
  expect(judgeRotation(state, presented("T2", "T3"))).toBe("rotate");
});

test("the one before is repeated while its successor is current", () => {
  expect(judgeRotation(state, presented("T1", "T2"))).toBe("repeat");
});

test("the one before is a copy when the successor differs: the signing secret has changed", () => {
  expect(judgeRotation(state, presented("T1", "other"))).toBe("reused");
});

test("the grace ends to the millisecond", () => {
  const at = (ms: number) => judgeRotation({ ...state, rotatedAt: before(ms) }, presented("T1", "T2"));
  expect([at(60_000), at(60_001)]).toEqual(["repeat", "reused"]);
});

test("any other token of the family is a copy", () => {
  expect(judgeRotation(state, presented("T0", "T1"))).toBe("reused");
});

test("before the first use there is nothing to repeat", () => {
  const fresh = { ...state, previousHash: null, rotatedAt: null };
  expect(judgeRotation(fresh, presented("T1", "T2"))).toBe("reused");
});

test("an ended session says why, whatever is presented", () => {
  expect(judgeRotation({ ...state, endReason: "logout" }, presented("T2", "T3"))).toBe("ended");
  expect(judgeRotation({ ...state, endReason: "reuse" }, presented("T2", "T3"))).toBe("reused");
});

test("an expired session expires before anything is compared", () => {
  expect(judgeRotation({ ...state, expiresAt: NOW }, presented("T0", "T1"))).toBe("expired");
});
