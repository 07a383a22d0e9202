import { expect, test } from "bun:test";
import { Fault } from "@millrace/core";
import { classifyStoreFailure, orStoreFault } from "@millrace/store";

const withCode = (code: unknown) => Object.assign(new Error("x"), { code });

test.each(["40001", "40P01", "55P03"])("%s heals by running the transaction again", (code) => {
  expect(classifyStoreFailure(withCode(code)).kind).toBe("repeat");
});

test.each([
  "ECONNREFUSED",
  "CONNECTION_CLOSED",
  "CONNECT_TIMEOUT",
  "57P01",
  "57P03",
  "53300",
  "08006",
  "57014",
])("%s means that the database is away", (code) => {
  expect(classifyStoreFailure(withCode(code)).kind).toBe("unavailable");
});

test.each(["23505", "22P05", "42601", "toString", "__proto__"])(
  "%s is nothing that waiting heals",
  (code) => {
    expect(classifyStoreFailure(withCode(code)).kind).toBe("other");
  },
);

test("what has no code in text is nothing that waiting heals", () => {
  for (const error of [undefined, null, "57P01", 57, {}, { code: 57 }, { message: "57P01" }])
    expect(classifyStoreFailure(error).kind).toBe("other");
});

test("a lost connection becomes STORE_UNAVAILABLE with its cause; other errors pass unchanged", async () => {
  const lost = withCode("ECONNRESET");
  const fault = await orStoreFault(Promise.reject(lost)).catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(Fault);
  expect(fault).toMatchObject({ code: "STORE_UNAVAILABLE", retryAfterS: 1, cause: lost });
  const broken = withCode("23505");
  expect(await orStoreFault(Promise.reject(broken)).catch((error: unknown) => error)).toBe(broken);
});
