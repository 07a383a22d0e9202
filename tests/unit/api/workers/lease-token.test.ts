import { expect, test } from "bun:test";
import { type LeaseClaim, readLease, signLease } from "@millrace/api/workers/lease-token";

const SECRET = "a secret for tests, long enough to sign with";
const claim: LeaseClaim = {
  ...{ seq: 2 ** 52, attempt: 3, session: "w~00000001-abc", taskId: "t", userId: 7 },
  taskType: "render",
  lane: "long",
  priority: 5,
};

test("what was signed is read again", () => {
  expect(readLease(signLease(claim, SECRET), SECRET)).toEqual(claim);
});

test("no other token is a lease: not of another secret, not with one character changed, not anything else", () => {
  const token = signLease(claim, SECRET);
  expect(readLease(token, "another secret")).toBeNull();
  for (const index of [4, 20, token.length - 5]) {
    const other = token[index] === "A" ? "B" : "A";
    expect(readLease(token.slice(0, index) + other + token.slice(index + 1), SECRET)).toBeNull();
  }
  for (const text of ["", "mrl_", "mrl_.", token.slice(4), `${token}.`, "mrl_e30.AAAA"])
    expect(readLease(text, SECRET)).toBeNull();
});
