import { describe, expect, test } from "bun:test";
import { PartlySentError, StoreTimeoutError } from "@millrace/client";
import { PACKED_BYTES_MIN, REQUEST_EVENTS_MAX } from "@millrace/client/bounds";
import { broken, json, problem, scripted } from "./scripted-api.ts";

const EVENT = { type: "order.paid", message: "4711" };
const taken = (accepted: number, fields: object = {}) =>
  json(202, { accepted, rejected: [], receipt: "1.0.1", ...fields });
const many = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ type: "t", message: `number ${n}` }));

describe("send", () => {
  test("posts one line an event, and gives what was answered", async () => {
    const { client, calls } = scripted([taken(2)]);
    const answer = await client.events.send([EVENT, { ...EVENT, level: "error" }]);
    expect(answer).toEqual({ accepted: 2, rejected: [], rejected_total: 0, receipt: "1.0.1" });
    expect(calls[0]).toMatchObject({ method: "POST", path: "/api/events" });
    expect(calls[0]?.headers.get("content-type")).toBe("application/x-ndjson");
    expect(calls[0]?.body).toBe(
      '{"type":"order.paid","message":"4711"}\n{"type":"order.paid","message":"4711","level":"error"}',
    );
  });

  test("sends the same body under the same key when the answer was lost", async () => {
    const { client, calls } = scripted([broken("ECONNRESET"), problem(503, "EVENTS_BACKLOG"), taken(1)]);
    await client.events.send([EVENT]);
    const keys = calls.map(({ headers }) => headers.get("idempotency-key"));
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[\x21-\x7e]{16,}$/);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
    expect(calls).toHaveLength(3);
  });

  test("makes a new key for each call, and takes the one that it is given", async () => {
    const { client, calls } = scripted([taken(1)]);
    await client.events.send([EVENT]);
    await client.events.send([EVENT]);
    await client.events.send([EVENT], { idempotencyKey: "mine" });
    const keys = calls.map(({ headers }) => headers.get("idempotency-key"));
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe("mine");
  });

  test("cuts what is too much into requests, with keys of their own and positions in the whole", async () => {
    const rejected = [{ index: 1, code: "VALIDATION_FAILED", message: "no" }];
    const { client, calls } = scripted([
      taken(REQUEST_EVENTS_MAX - 1, { rejected }),
      taken(2, { rejected, receipt: "2.0.2" }),
    ]);
    const answer = await client.events.send(many(REQUEST_EVENTS_MAX + 3), { idempotencyKey: "k" });
    expect(calls.map(({ headers }) => headers.get("idempotency-key"))).toEqual(["k", "k.1"]);
    expect(answer).toMatchObject({ accepted: REQUEST_EVENTS_MAX + 1, receipt: "1.0.1,2.0.2" });
    expect(answer.rejected.map(({ index }) => index)).toEqual([1, REQUEST_EVENTS_MAX + 1]);
  });

  test("counts what JSON has no words for as rejected, and sends the rest", async () => {
    const { client, calls } = scripted([taken(1)]);
    const { rejected } = await client.events.send([{ ...EVENT, n: 1n }, EVENT]);
    expect(rejected).toEqual([{ index: 0, code: "BAD_JSON", message: expect.any(String) }]);
    expect(calls[0]?.body).toBe(JSON.stringify(EVENT));
  });

  test("of nothing asks nobody", async () => {
    const { client, calls } = scripted([]);
    expect(await client.events.send([])).toMatchObject({ accepted: 0, receipt: null });
    expect(calls).toHaveLength(0);
  });

  test("of which nothing was accepted is an answer with the reasons, and no error", async () => {
    const rejected = [{ index: 0, code: "VALIDATION_FAILED", message: "type must be a string" }];
    const body = { code: "VALIDATION_FAILED", detail: "no event was accepted", accepted: 0, rejected };
    const { client } = scripted([json(422, body)]);
    expect(await client.events.sendLines(["{}"])).toEqual({
      ...{ accepted: 0, rejected, rejected_total: 1, receipt: null },
    });
  });

  test("that is refused as a whole is an ApiError", async () => {
    const { client, calls } = scripted([problem(403, "FORBIDDEN")]);
    await expect(client.events.send([EVENT])).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(calls).toHaveLength(1);
  });

  test("that breaks off says what was taken, where to go on, and under which key", async () => {
    const { client } = scripted([taken(REQUEST_EVENTS_MAX), problem(403, "FORBIDDEN")]);
    const failure = client.events.send(many(REQUEST_EVENTS_MAX + 1), { idempotencyKey: "k" });
    await expect(failure).rejects.toBeInstanceOf(PartlySentError);
    await expect(failure).rejects.toMatchObject({
      answer: { accepted: REQUEST_EVENTS_MAX, receipt: "1.0.1" },
      nextIndex: REQUEST_EVENTS_MAX,
      idempotencyKey: "k",
      cause: { code: "FORBIDDEN" },
    });
  });

  test("that the API left in the middle counts what the refusal says was taken", async () => {
    const members = { taken: { accepted: 2, rejected: [], next_index: 2, receipt: "9.0.2" } };
    const { client } = scripted([json(413, { code: "BODY_TOO_LARGE", detail: "no", ...members })]);
    await expect(client.events.send(many(4))).rejects.toMatchObject({
      ...{ name: "PartlySentError", nextIndex: 2, answer: { accepted: 2, receipt: "9.0.2" } },
    });
  });

  test("packs what is large, unless the API is on this machine", async () => {
    const text = JSON.stringify({ ...EVENT, message: "m".repeat(PACKED_BYTES_MIN) });
    for (const [baseUrl, encoding] of [
      ["http://api.test", "gzip"],
      ["http://127.0.0.1:8000", null],
    ] as const) {
      const { client, calls } = scripted([taken(1)], { baseUrl });
      await client.events.sendLines([text]);
      await client.events.send([EVENT]);
      expect(calls.map(({ headers }) => headers.get("content-encoding"))).toEqual([encoding, null]);
      expect(calls[0]?.body).toBe(text);
    }
  });
});

describe("a receipt", () => {
  test("of several requests is the sum of its parts, and stored when all of them are", async () => {
    const { client, calls } = scripted([
      json(200, { accepted: 2, stored: 2, state: "stored" }),
      json(200, { accepted: 3, stored: 1, state: "accepted" }),
    ]);
    expect(await client.events.receipt("a,b")).toEqual({ accepted: 5, stored: 3, state: "accepted" });
    expect(calls.map(({ path }) => path)).toEqual(["/api/events/receipts/a", "/api/events/receipts/b"]);
  });

  test("is looked at again until all is stored", async () => {
    const open = json(200, { accepted: 2, stored: 0, state: "accepted" });
    const { client, waits } = scripted([open, open, json(200, { accepted: 2, stored: 2, state: "stored" })]);
    expect(await client.events.waitStored("a")).toMatchObject({ stored: 2, state: "stored" });
    expect(waits).toHaveLength(2);
  });

  test("that is not stored in time is an error with what was seen", async () => {
    const { client } = scripted([json(200, { accepted: 2, stored: 1, state: "accepted" })]);
    const failure = client.events.waitStored("a", { timeoutMs: 20 });
    await expect(failure).rejects.toBeInstanceOf(StoreTimeoutError);
    await expect(failure).rejects.toMatchObject({ state: { stored: 1 } });
    await expect(failure).rejects.toThrow("1 of 2 are stored");
  });

  test("that is none is told at once", async () => {
    const { client } = scripted([problem(404, "NOT_FOUND")]);
    await expect(client.events.waitStored("?")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("reading", () => {
  const page = (id: string, next: string | null) =>
    json(200, { items: [{ id, type: "t" }], limit: 1, next_cursor: next, prev_cursor: null });

  test("a list sends what the query has, times in RFC 3339", async () => {
    const { client, calls } = scripted([page("e1", null)]);
    const from = new Date(Date.UTC(2026, 0, 15));
    await client.events.list({ from, type: "a b", q: "50 %", limit: 5, level: undefined });
    const asked = new URLSearchParams(calls[0]?.path.split("?")[1]);
    expect(Object.fromEntries(asked)).toEqual({
      ...{ from: "2026-01-15T00:00:00.000Z", type: "a b", q: "50 %", limit: "5" },
    });
  });

  test("pages go on by cursor to the end, with the query of the first", async () => {
    const { client, calls } = scripted([page("e1", "c1"), page("e2", "c2"), page("e3", null)]);
    const ids: string[] = [];
    for await (const { items } of client.events.pages({ type: "t" })) ids.push(...items.map(({ id }) => id));
    expect(ids).toEqual(["e1", "e2", "e3"]);
    expect(calls.map(({ path }) => path)).toEqual([
      ...["/api/events?type=t", "/api/events?type=t&cursor=c1", "/api/events?type=t&cursor=c2"],
    ]);
  });

  test("a page that is left asks for no further one", async () => {
    const { client, calls } = scripted([page("e1", "c1")]);
    for await (const { next_cursor: cursor } of client.events.pages()) {
      expect(cursor).toBe("c1");
      break;
    }
    expect(calls).toHaveLength(1);
  });

  test("a histogram and a ledger are asked for by span", async () => {
    const histogram = { from: "", to: "", interval_s: 60, by: "type", keys: [], buckets: [] };
    const ledger = { is_even: true, minutes: [] };
    const { client, calls } = scripted([json(200, histogram), json(200, ledger)]);
    await client.events.histogram({ by: "type", interval: "1h", from: "2026-01-01T00:00:00Z" });
    expect((await client.events.ledger({ to: new Date(0) })).is_even).toBe(true);
    expect(calls.map(({ path }) => path)).toEqual([
      "/api/events/histogram?by=type&interval=1h&from=2026-01-01T00%3A00%3A00Z",
      "/api/ledger?to=1970-01-01T00%3A00%3A00.000Z",
    ]);
  });
});
