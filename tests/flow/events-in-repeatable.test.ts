import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeReceipt, EVENTS_STREAM } from "@millrace/protocol/events/index";
import { signUp } from "../support/api.ts";
import { type CuttingGate, startCuttingGate } from "../support/cutting-gate.ts";
import { type EventApi, HOOK_MS, NDJSON, startEventApi } from "../support/event-api.ts";

let house: EventApi;
const gates: CuttingGate[] = [];
beforeAll(async () => {
  house = await startEventApi();
}, HOOK_MS);
afterAll(() => house.close(), HOOK_MS);

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

  test("with another body is refused, and nothing of it is stored", async () => {
    const first = await house.send(linesOf(3), withKey("k-6"));
    const before = (await house.events()).length;
    for (let time = 0; time < 2; time++) {
      const { status, body } = await house.send(linesOf(4), withKey("k-6"));
      expect([status, body.code]).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
    }
    const again = await house.send(`\n${linesOf(3)}\n`, withKey("k-6")); // The same lines.
    expect([again.status, again.body]).toEqual([202, first.body]);
    expect((await house.events()).length).toBe(before);
  });

  test("with another body at the same time: one of them is stored, the others are refused", async () => {
    const before = (await house.events()).length;
    const answers = await Promise.all([1, 2, 3, 4].map((n) => house.send(line(n), withKey("k-7"))));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409, 409, 409]);
    expect((await house.events()).length).toBe(before + 1);
  });

  test("whose second part differs says what is stored of the first", async () => {
    const lines = linesOf(6_000);
    expect((await house.send(lines, withKey("k-8"))).status).toBe(202);
    const before = (await house.events()).length;
    const { status, body } = await house.send(`${lines}\n${line(1)}`, withKey("k-8"));
    expect([status, body.code]).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
    const taken = body.taken as { accepted: number; next_index: number };
    expect(taken.accepted).toBeGreaterThan(1_000);
    expect(taken.next_index).toBe(taken.accepted);
    expect((await house.events()).length).toBe(before);
  });

  test("that is recorded is known for longer than the stream remembers, with its receipt", async () => {
    const before = (await house.messages()).length;
    const keyed = { ...withKey("k-9") };
    const first = await house.send(line(9), keyed);
    const [{ header, seq } = { header: undefined, seq: 0 }] = (await house.messages()).slice(-1);
    const [request] = header?.requests ?? [];
    await house.api.sql`
      insert into event_requests (owner_id, idempotency_key, part, first_seq, body_digest)
      values (${request?.owner ?? 0}, ${request?.ik ?? ""}, 0, ${seq}, ${request?.body ?? null})`;
    await house.bus.bus.manager.streams.purge(EVENTS_STREAM); // And its ids are forgotten with it.
    const again = await house.send(line(9), keyed);
    expect([again.status, again.body]).toEqual([202, first.body]);
    const other = await house.send(line(10), keyed);
    expect([other.status, other.body.code]).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
    expect((await house.messages()).length).toBe(before + 1);
  });

  test("is taken while the database is away, and does not wait for it twice", async () => {
    const house2 = await startEventApi(
      {},
      {
        reroute: async (url) => {
          const gate = await startCuttingGate(url);
          gates.push(gate);
          return gate.reroute(url);
        },
      },
    );
    const [gate] = gates.slice(-1);
    try {
      expect((await house2.send(line(1), withKey("k-10"))).status).toBe(202);
      gate?.vanish();
      const startMs = performance.now();
      for (let n = 0; n < 20; n++)
        expect((await house2.send(line(n), withKey(`k-11-${n}`))).status).toBe(202);
      expect(performance.now() - startMs).toBeLessThan(1_900);
      expect((await house2.send(line(99), withKey("k-10"))).status).toBe(409); // The stream knows it.
    } finally {
      gate?.comeBack();
      await house2.close();
    }
  }, 30_000);

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
