import { describe, expect, test } from "bun:test";
import { ATTEMPT_NUMBER_MAX } from "@millrace/core/limits";
import { backoffFromWords, backoffToWords, type Dispatch, decodeDispatch } from "@millrace/protocol/dispatch";

const DISPATCH: Dispatch = {
  seq: 42,
  task_id: "t",
  task_type: "simulate",
  attempt: 1,
  failures: 0,
  payload: { a: ["\0", null] },
  lane: "short",
  priority: 5,
  timeout: 30,
  max_attempts: 3,
  backoff: { initial_ms: 100, factor: 2, max_ms: 1_000, jitter: true },
  tenant: null,
  correlation_id: "c",
};
const decode = (change: object) => decodeDispatch(JSON.stringify({ ...DISPATCH, ...change }));

test("what was written is read, whole", () => {
  expect(decode({})).toEqual(DISPATCH);
});

test("fields that a newer version adds pass through", () => {
  expect(decode({ colour: "red" })).toMatchObject({ colour: "red", seq: 42 });
});

test.each(["", "nothing", "null", "[]", "42", '"text"', "{}", '{"seq":'])("%j is no dispatch", (body) => {
  expect(decodeDispatch(body)).toBeNull();
});

describe("what would harm the tasks beside it, or could never be claimed, is no dispatch", () => {
  test.each([
    { seq: "42" },
    { seq: 2 ** 53 },
    { seq: 1.5 },
    { seq: 0 },
    { attempt: 0 },
    { attempt: -1 },
    { attempt: 1.5 },
    { attempt: ATTEMPT_NUMBER_MAX + 1 },
    { failures: -1 },
    { failures: null },
    { max_attempts: 0 },
    { timeout: 0 },
    { timeout: "30" },
    { timeout: null },
    { lane: "middle" },
    { priority: 0 },
    { priority: 11 },
    { priority: 5.5 },
    { priority: undefined },
    { task_id: 7 },
    { task_type: undefined },
    { correlation_id: null },
    { backoff: null },
    { backoff: {} },
    { backoff: { ...DISPATCH.backoff, initial_ms: null } },
    { backoff: { ...DISPATCH.backoff, factor: "2" } },
    { backoff: { ...DISPATCH.backoff, jitter: 1 } },
  ])("%j", (change) => {
    expect(decode(change)).toBeNull();
  });

  test("the last attempt number is still one", () => {
    expect(decode({ attempt: ATTEMPT_NUMBER_MAX })).not.toBeNull();
  });
});

test("a back-off policy survives its words", () => {
  const policy = { initialMs: 5, factor: 1.5, maxMs: 60, jitter: false };
  expect(backoffFromWords(backoffToWords(policy))).toEqual(policy);
});
