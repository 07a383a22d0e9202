import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Client, createClient, type LogEvent, type StoredEvent } from "@millrace/client";
import { type CuttingGate, startCuttingGate } from "../support/cutting-gate.ts";
import { type RunFile, type RunningStack, startStack } from "../support/running-stack.ts";
import { eventually } from "../support/stack-under-test.ts";
import { startTcpGate, type TcpGate } from "../support/tcp-gate.ts";

/** A program logs by the client: over a network that breaks, it knows of each event what became of it. */
let stack: RunningStack;
let run: RunFile;
let client: Client;

beforeAll(async () => {
  stack = await startStack();
  run = await stack.run();
  client = createClient({ baseUrl: run.api_url, apiKey: run.api_key });
}, 90_000);
afterAll(() => stack.stop(), 60_000);

const LONG_MS = 120_000;
const WAIT = { timeoutMs: 60_000 };

function numbered(type: string, count: number): readonly LogEvent[] {
  return Array.from({ length: count }, (_, n) => ({ type, message: `number ${n}`, id: `${type}-${n}` }));
}

/** Ids of all stored events of a type, in the order of their names. */
async function idsOf(type: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { items } of client.events.pages({ type, limit: 1_000 }))
    ids.push(...items.map(({ id }) => id));
  return ids.sort();
}

async function stored(type: string, count: number): Promise<readonly string[]> {
  await eventually(`${count} events of ${type} are stored`, async () => (await idsOf(type)).length >= count);
  return await idsOf(type);
}

const idsIn = (events: readonly LogEvent[]) => events.map(({ id }) => String(id)).sort();

describe("send", () => {
  test(
    "of more than one request's worth stores each event once, names the broken ones, and has one receipt",
    async () => {
      const events = [...numbered("many", 25_000)];
      events[12_345] = { ...events[0], type: "", message: "broken" };
      const answer = await client.events.send(events);
      expect(answer).toMatchObject({ accepted: 24_999, rejected_total: 1 });
      expect(answer.rejected).toMatchObject([{ index: 12_345, code: "VALIDATION_FAILED" }]);
      const state = await client.events.waitStored(answer.receipt ?? "", WAIT);
      expect(state).toEqual({ accepted: 24_999, stored: 24_999, state: "stored" });
      expect(await idsOf("many")).toEqual(idsIn(events.filter(({ type }) => type === "many")));
    },
    LONG_MS,
  );

  test(
    "whose answer is lost, or whose connection breaks before, is repeated and stored once",
    async () => {
      const gate = await startCuttingGate(run.api_url);
      const over = createClient({ baseUrl: gate.reroute(run.api_url), apiKey: run.api_key });
      for (const cut of ["after", "before"] as const) {
        gate.plan([{ message: 1, cut }]);
        const events = numbered(`cut-${cut}`, 20);
        const { receipt } = await over.events.send(events);
        expect(gate.left).toBe(0);
        expect(await client.events.waitStored(receipt ?? "", WAIT)).toMatchObject({ stored: 20 });
        expect(await idsOf(`cut-${cut}`)).toEqual(idsIn(events));
      }
      await gate.close();
    },
    LONG_MS,
  );

  test("again under the same key takes nothing twice", async () => {
    const events = numbered("again", 30);
    for (let time = 1; time <= 2; time += 1) {
      const { receipt } = await client.events.send(events, { idempotencyKey: "once-1" });
      await client.events.waitStored(receipt ?? "", WAIT);
    }
    expect(await idsOf("again")).toEqual(idsIn(events));
  });

  test("with a key that lacks the right is refused", async () => {
    const made = await stack.call("POST", "/api/auth/keys", { name: "reader", scopes: ["events:read"] });
    const reader = createClient({ baseUrl: run.api_url, apiKey: String(made.body.api_key) });
    await expect(reader.events.send(numbered("never", 1))).rejects.toMatchObject({ status: 403 });
  });

  test("packs what goes over a network, and the API understands it", async () => {
    const encodings: (string | null)[] = [];
    const { port } = new URL(run.api_url);
    // A name that does not look like this machine, but is.
    const far = createClient({
      ...{ baseUrl: "http://api.far.test", apiKey: run.api_key },
      fetch: (url, init) => {
        encodings.push(new Headers(init.headers).get("content-encoding"));
        return fetch(url.replace("http://api.far.test", `http://127.0.0.1:${port}`), init);
      },
    });
    const { accepted } = await far.events.send(numbered("packed", 500));
    expect(encodings).toEqual(["gzip"]);
    expect(accepted).toBe(500);
    expect(await stored("packed", 500)).toHaveLength(500);
  });
});

describe("a batcher", () => {
  test(
    "keeps what is logged while the API is away, and sends each event once when it is back",
    async () => {
      const { port, hostname } = new URL(run.api_url);
      const gate: TcpGate = await startTcpGate({ host: hostname, port: Number(port) });
      const over = createClient({ baseUrl: `http://127.0.0.1:${gate.port}`, apiKey: run.api_key });
      const batcher = over.events.batcher({ eventsMax: 100, delayMs: 20 });
      const events = numbered("away", 3_000);
      for (const event of events.slice(0, 1_000)) batcher.log(event);
      expect(await batcher.flush(WAIT)).toBe(true);
      await gate.shut();
      for (const event of events.slice(1_000, 2_000)) batcher.log(event);
      expect(await batcher.flush({ timeoutMs: 300 })).toBe(false);
      expect(batcher.counts).toMatchObject({ accepted: 1_000, waiting: 1_000, dropped: 0 });
      await gate.open();
      for (const event of events.slice(2_000)) batcher.log(event);
      const counts = await batcher.close(WAIT);
      await gate.shut();
      expect(counts).toMatchObject({ logged: 3_000, accepted: 3_000, rejected: 0, dropped: 0, waiting: 0 });
      expect(await stored("away", 3_000)).toEqual(idsIn(events));
    },
    LONG_MS,
  );

  test(
    "over a network that loses requests and answers stores what it counts as accepted, once",
    async () => {
      const gate: CuttingGate = await startCuttingGate(run.api_url);
      const over = createClient({ baseUrl: gate.reroute(run.api_url), apiKey: run.api_key });
      gate.plan(
        Array.from({ length: 12 }, (_, n) => ({
          message: 1 + (n % 3),
          cut: n % 2 === 0 ? "after" : "before",
        })),
      );
      const events = numbered("lossy", 2_000);
      const reasons: string[] = [];
      {
        await using batcher = over.events.batcher({
          ...{ eventsMax: 100, delayMs: 10 },
          onReject: ({ code }) => void reasons.push(code),
        });
        for (const event of events) batcher.log(event);
        batcher.log({ type: "lossy", message: "m", level: "" });
        await eventually("all is settled", () => batcher.counts.waiting === 0, 60_000);
        expect(batcher.counts).toMatchObject({ logged: 2_001, accepted: 2_000, rejected: 1, dropped: 0 });
      }
      expect(gate.left).toBe(0);
      expect(reasons).toEqual(["VALIDATION_FAILED"]);
      expect(await stored("lossy", 2_000)).toEqual(idsIn(events));
      await gate.close();
    },
    LONG_MS,
  );
});

describe("a tail", () => {
  test(
    "shows what fits its filter, and goes on after the connection was lost",
    async () => {
      const { port, hostname } = new URL(run.api_url);
      const gate: TcpGate = await startTcpGate({ host: hostname, port: Number(port) });
      const over = createClient({ baseUrl: `http://127.0.0.1:${gate.port}`, apiKey: run.api_key });
      const seen: StoredEvent[] = [];
      const end = new AbortController();
      let opened = 0;
      let lost = 0;
      const follow = async () => {
        const listeners = { onOpen: () => void opened++, onLost: () => void lost++ };
        const filter = { type: "followed", q: "SHOW" };
        for await (const event of over.events.tail(filter, { signal: end.signal, ...listeners }))
          seen.push(event);
      };
      const followed = follow();
      const show = (message: string) => client.events.send([{ type: "followed", message }]);
      await eventually("the tail is open", () => opened === 1);
      await show("not this");
      await show("show 1");
      await eventually("the first is shown", () => seen.length === 1);
      await gate.shut();
      await eventually("the loss is told", () => lost > 0);
      await gate.open();
      await eventually("the tail is open again", () => opened === 2);
      await show("show 2");
      await eventually("the second is shown", () => seen.length === 2);
      end.abort();
      await followed;
      await gate.shut();
      expect(seen.map(({ message }) => message)).toEqual(["show 1", "show 2"]);
      expect(seen[0]).toMatchObject({ type: "followed", level: "info", attributes: {} });
    },
    LONG_MS,
  );

  test(
    "whose reader is slow holds nothing for it: the API leaves events out, and says how many",
    async () => {
      const end = new AbortController();
      const dropped: number[] = [];
      let opened = 0;
      const tail = client.events.tail(
        { type: "flood" },
        {
          signal: end.signal,
          onOpen: () => void opened++,
          onDropped: ({ events }) => void dropped.push(events),
        },
      );
      const first = tail.next();
      await eventually("the tail is open", () => opened === 1);
      await client.events.send(numbered("flood", 6_000));
      const started = await first;
      expect(started.done).toBe(false);
      let shown = 1;
      const read = (async () => {
        for await (const { type } of tail) shown += type === "flood" ? 1 : 0;
      })();
      const told = () => dropped.reduce((sum, events) => sum + events, 0);
      await eventually("every event is shown or counted", () => shown + told() >= 6_000);
      end.abort();
      await read;
      expect(shown + told()).toBe(6_000);
      expect(told()).toBeGreaterThan(0);
    },
    LONG_MS,
  );
});

test("histogram and ledger count what was sent", async () => {
  const from = new Date(Date.now() - 60_000);
  const { receipt } = await client.events.send(numbered("counted", 40));
  await client.events.waitStored(receipt ?? "", WAIT);
  const { buckets } = await client.events.histogram({ type: "counted", from, by: "level" });
  expect(buckets.reduce((sum, bucket) => sum + (bucket.counts.info ?? 0), 0)).toBe(40);
  const ledger = await client.events.ledger({ from });
  expect(ledger).toMatchObject({ is_even: true, lost_messages: 0 });
  expect(ledger.minutes.reduce((sum, minute) => sum + minute.stored, 0)).toBeGreaterThanOrEqual(40);
});
