import { describe, expect, test } from "bun:test";
import { LOG_NODES_MAX } from "@millrace/core/limits";
import { isSecretName, REDACTED, redactFields, redactText } from "@millrace/observe/redact";
import * as fc from "fast-check";

describe("names of secrets", () => {
  test.each([
    "password",
    "PASSWORD",
    "new_password",
    "passwordHash",
    "access_token",
    "lease_token",
    "Authorization",
    "x-api-key",
    "apiKey",
    "JWT_SECRET",
    "set-cookie",
    "s3_secret_access_key",
    "private key",
  ])("%p is one", (name) => expect(isSecretName(name)).toBe(true));

  test.each(["task_id", "key", "idempotency_key", "author", "message", "pass"])("%p is none", (name) =>
    expect(isSecretName(name)).toBe(false),
  );
});

describe("texts", () => {
  test.each([
    ["postgres://user:pa55@db:5432/m", "postgres://[redacted]@db:5432/m"],
    ["postgres://user:p@55@db/m", "postgres://[redacted]@db/m"],
    ["nats://t0ken@a:4222,nats://b:4222", "nats://[redacted]@a:4222,nats://b:4222"],
    ["got Bearer abc.def-123 there", "got Bearer [redacted] there"],
    ["https://x.org/f?a=1&access_token=abc&b=2", "https://x.org/f?a=1&access_token=[redacted]&b=2"],
    ["jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln ok", "jwt [redacted] ok"],
  ])("%p", (text, clean) => expect(redactText(text)).toBe(clean));

  test.each(["https://example.org/a@b", "mail a@b.org", "a = b", "basically fine", ""])(
    "%p stays as it is",
    (text) => expect(redactText(text)).toBe(text),
  );

  test("a long text is cut, and says how long it was", () => {
    expect(redactText("x".repeat(100_000))).toEndWith("[100000 characters]");
  });

  test.each(["a".repeat(8_000), "://".repeat(2_600), "eyJ".repeat(2_600), "?token=".repeat(1_100)])(
    "no text takes long: %#",
    (text) => {
      const startMs = performance.now();
      redactText(text);
      expect(performance.now() - startMs).toBeLessThan(250);
    },
  );
});

describe("fields", () => {
  test("secrets are taken out at any depth that is shown", () => {
    const fields = {
      a: [{ b: { c: { password: "hunter2", tokens: ["hunter2"] } } }],
      m: new Map([["x", 1]]),
    };
    expect(redactFields(fields)).toEqual({
      a: [{ b: { c: { password: REDACTED, tokens: REDACTED } } }],
      m: [["x", 1]],
    });
  });

  test("a flag about a secret is no secret", () => {
    expect(redactFields({ has_password: true, token: null, secret: undefined })).toEqual({
      has_password: true,
      token: null,
      secret: undefined,
    });
  });

  test("an error shows type, message, code, stack and its causes", () => {
    const error = Object.assign(new TypeError("outer"), {
      code: "E_X",
      cause: new Error("postgres://u:hunter2@h/d", { cause: "root" }),
    });
    const { error: shown } = redactFields({ error }) as { error: Record<string, unknown> };
    expect(shown).toMatchObject({
      type: "TypeError",
      message: "outer",
      code: "E_X",
      cause: { type: "Error", message: "postgres://[redacted]@h/d", cause: "root" },
    });
    expect(JSON.stringify(shown)).not.toContain("hunter2");
    expect(shown.stack).toContain("TypeError: outer");
  });

  test("each error of an AggregateError is shown", () => {
    const error = new AggregateError([new Error("one"), new Error("two")], "both");
    expect(redactFields({ error })).toMatchObject({
      error: { errors: [{ message: "one" }, { message: "two" }] },
    });
  });

  test("values that JSON does not know are described", () => {
    expect(
      redactFields({
        big: 10n,
        when: new Date(0),
        never: new Date(Number.NaN),
        bytes: new Uint8Array(3),
        nan: Number.NaN,
        call: () => 1,
        set: new Set([1]),
        headers: new Headers({ authorization: "hunter2", accept: "*/*" }),
      }),
    ).toEqual({
      big: "10",
      when: "1970-01-01T00:00:00.000Z",
      never: "[invalid date]",
      bytes: "[3 bytes]",
      nan: "NaN",
      call: "[function]",
      set: [1],
      headers: { authorization: REDACTED, accept: "*/*" },
    });
  });

  test("a cycle ends", () => {
    const loop: Record<string, unknown> = { name: "loop" };
    loop.self = loop;
    expect(JSON.stringify(redactFields(loop))).toContain("[too deep]");
  });

  test("a getter that throws costs its own field only", () => {
    const trap = {
      get bad(): string {
        throw new Error("no");
      },
      good: 1,
    };
    expect(redactFields({ trap })).toEqual({ trap: { bad: "[unreadable]", good: 1 } });
  });

  test("a field called __proto__ stays a field", () => {
    const copy = redactFields(JSON.parse('{"__proto__":{"isAdmin":true}}'));
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(Object.keys(copy)).toEqual(["__proto__"]);
  });

  test("wide inputs are cut, and say so", () => {
    const copy = redactFields({ list: Array.from({ length: 100_000 }, (_, index) => index) });
    expect((copy.list as unknown[]).length).toBeLessThanOrEqual(LOG_NODES_MAX + 1);
    expect((copy.list as unknown[]).at(-1)).toMatch(/more items/);
  });

  test("whatever is given, the copy is JSON and throws nothing", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true })),
        (given) => {
          JSON.parse(JSON.stringify(redactFields(given)));
        },
      ),
    );
  });
});
