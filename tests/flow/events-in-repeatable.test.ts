import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeReceipt, EVENTS_STREAM } from "@millrace/protocol/events/index";
import { signUp } from "../support/api.ts";
import { type EventApi, NDJSON, startEventApi } from "../support/event-api.ts";

let house: EventApi;
beforeAll(async () => {
  house = await startEventApi();
});
afterAll(() => house.close());

const line = (n: number) => JSON.stringify({ type: "t", message: `number ${n} ${"x".repeat(200)}`, n });
const linesOf = (count: number) => Array.from({ length: count }, (_, n) => line(n)).join("\n");
const withKey = (key: string) => ({ ...NDJSON, "Idempotency-Key": key });

describe("a request with an Idempotency-Key", () => {
  test("sent again, also at the same time, is stored once and has one receipt", async () => {
    const before = (await house.events()).length;
    const body = linesOf(10);
    const together = await Promise.all(Array.from({ length: 5 }, () => house.send(body, withKey("k-1"))));
    const again = await house.send(body, withKey("k-1"));
    for (const { status, body: answer } of together) {
      expect(status).toBe(202);
      expect(answer).toEqual(again.body);
    }
    expect((await house.events()).length).toBe(before + 10);
  });

  test("has its messages to itself, which carry the key's digest", async () => {
    await Promise.all([house.send(line(1)), house.send(line(2), withKey("k-2")), house.send(line(3))]);
    const own = (await house.messages()).filter(({ header }) =>
      header?.requests.some(({ ik }) => ik !== undefined),
    );
    for (const { header } of own) expect(header?.requests).toHaveLength(1);
    expect(own.at(-1)?.header?.requests).toMatchObject([
      { ik: expect.stringMatching(/^[0-9a-f]{16}$/), part: 0 },
    ]);
  });

  test("is another one for another user, and with another key", async () => {
    const before = (await house.events()).length;
    const { accessToken } = await signUp(house.api.call, "other@example.org");
    const first = await house.send(line(1), withKey("k-3"));
    const second = await house.api.call("POST", "/api/events", {
      token: accessToken,
      body: line(1),
      headers: withKey("k-3"),
    });
    const third = await house.send(line(1), withKey("k-4"));
    expect(new Set([first, second, third].map(({ body }) => body.receipt)).size).toBe(3);
    expect((await house.events()).length).toBe(before + 3);
  });

  test("that failed halfway is completed by its repetition, part by part", async () => {
    const { manager } = house.bus.bus;
    const before = (await house.events()).length;
    const { config, state } = await manager.streams.info(EVENTS_STREAM);
    await manager.streams.update(EVENTS_STREAM, { ...config, max_bytes: state.bytes + 2_500_000 });
    const body = linesOf(20_000);
    const failed = await house.send(body, withKey("k-5"));
    expect(failed.status).toBe(503);
    const taken = failed.body.taken as { accepted: number; receipt: string };
    expect(taken.accepted).toBeGreaterThan(0);
    await manager.streams.update(EVENTS_STREAM, config);
    const { status, body: answer } = await house.send(body, withKey("k-5"));
    expect([status, answer.accepted]).toEqual([202, 20_000]);
    expect(String(answer.receipt)).toStartWith(taken.receipt);
    expect((await house.events()).slice(before).map(({ n }) => n)).toEqual(
      Array.from({ length: 20_000 }, (_, n) => n),
    );
  });

  test("whose repetition leaves no gap in the numbering that is not told", async () => {
    await house.send(line(0));
    const ordinals = new Set<number>();
    const voided = new Set<number>();
    for (const { header } of await house.messages()) {
      ordinals.add(header?.ordinal ?? 0);
      for (const each of header?.voided ?? []) voided.add(each);
    }
    const last = Math.max(...ordinals);
    for (let ordinal = 1; ordinal <= last; ordinal++)
      expect(ordinals.has(ordinal) || voided.has(ordinal)).toBe(true);
  });
});

describe("a receipt", () => {
  const show = (receipt: string) =>
    house.api.call("GET", `/api/events/receipts/${receipt}`, { token: house.key });

  test("says accepted until the recorder's ledger has all parts, then stored", async () => {
    const { body } = await house.send(linesOf(6_000), NDJSON);
    const receipt = String(body.receipt);
    const parts = decodeReceipt(receipt) ?? [];
    expect(parts.length).toBe(2);
    expect((await show(receipt)).body).toEqual({ accepted: 6_000, stored: 0, state: "accepted" });
    for (const [index, { seq, count }] of parts.entries()) {
      await house.api.sql`
        insert into event_batches (stream_seq, instance, ordinal, received_at, bytes, events, stored, rejected,
          deduplicated, refused)
        values (${seq}, 'test', ${seq}, now(), 1, ${count}, ${count}, 0, 0, 0)`;
      const isAll = index === parts.length - 1;
      expect((await show(receipt)).body).toEqual({
        accepted: 6_000,
        stored: isAll ? 6_000 : parts[0]?.count,
        state: isAll ? "stored" : "accepted",
      });
    }
  });

  test("that is none is not found", async () => {
    for (const receipt of ["x", "1.2", "0.0.0", "%00", "1.0.1-".repeat(100)]) {
      const { status } = await show(receipt);
      expect([400, 404]).toContain(status);
    }
  });
});
