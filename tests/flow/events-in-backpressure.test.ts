import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { EVENTS_HELD_BYTES_MAX } from "@millrace/core/limits";
import { EVENTS_STREAM } from "@millrace/protocol/events/index";
import { eventually } from "../support/api.ts";
import { until } from "../support/bus.ts";
import { type EventApi, HOOK_MS, NDJSON, startEventApi } from "../support/event-api.ts";

let house: EventApi;
beforeEach(async () => {
  house = await startEventApi({ deadlineMs: 3_000, stallMs: 300 });
}, HOOK_MS);
afterEach(() => house.close(), HOOK_MS);

const line = (n: number) => JSON.stringify({ type: "t", message: `number ${n} ${"x".repeat(200)}`, n });
const linesOf = (count: number) => Array.from({ length: count }, (_, n) => line(n));
const numbers = async () => (await house.events()).map(({ n }) => Number(n));

interface StalledAnswer {
  readonly code: string;
  readonly taken: { readonly accepted: number; readonly next_index: number };
}

async function boundStream(maxBytes: number): Promise<void> {
  const { manager } = house.bus.bus;
  const { config } = await manager.streams.info(EVENTS_STREAM);
  await manager.streams.update(EVENTS_STREAM, { ...config, max_bytes: maxBytes });
}

describe("a full stream", () => {
  test("takes what fits, says so at once with its limit, and the rest can follow", async () => {
    await boundStream(3_500_000);
    const lines = linesOf(20_000);
    const { status, headers, body } = await house.send(lines.join("\n"), NDJSON);
    expect([status, body.code]).toEqual([503, "EVENTS_BACKLOG"]);
    expect(Number(headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(body.limit).toEqual({ name: "max_bytes of the stream EVENTS", bytes: 3_500_000 });
    const taken = body.taken as { accepted: number; next_index: number; receipt: string };
    expect(taken.accepted).toBeGreaterThan(0);
    expect(taken.next_index).toBe(taken.accepted);
    expect(await numbers()).toEqual(Array.from({ length: taken.accepted }, (_, n) => n));

    await boundStream(1_000);
    const small = await house.send(line(0));
    expect([small.status, small.body.code, small.body.taken]).toEqual([503, "EVENTS_BACKLOG", undefined]);

    await boundStream(1e9);
    const rest = await house.send(lines.slice(taken.next_index).join("\n"), NDJSON);
    expect(rest.body.accepted).toBe(20_000 - taken.accepted);
    expect(await numbers()).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
  });

  test("leaves a gap in the numbering that is told to be void", async () => {
    await house.send(line(0));
    await boundStream(1_000);
    for (let n = 0; n < 3; n++) expect((await house.send(line(n))).status).toBe(503);
    await boundStream(1e9);
    await house.send(line(1));
    await house.send(line(2));
    const headers = (await house.messages()).map(({ header }) => header);
    expect(headers.map((header) => header?.ordinal)).toEqual([1, 5, 6]);
    expect(headers.map((header) => header?.voided)).toEqual([[], [2, 3, 4], []]);
    expect(headers.map((header) => header?.before)).toEqual([0, 4, 5]);
  });
});

describe("a broker that is away", () => {
  test("is told at once, before the body is read; when it is back, all goes on", async () => {
    await house.bus.server.kill9();
    await eventually(async () => expect(house.publisher.obstacle()?.code).toBe("BUS_UNAVAILABLE"));
    const startMs = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => house.send(linesOf(100).join("\n"), NDJSON)),
    );
    expect(performance.now() - startMs).toBeLessThan(1_000);
    for (const { status, body, headers } of answers) {
      expect([status, body.code]).toEqual([503, "BUS_UNAVAILABLE"]);
      expect(Number(headers.get("Retry-After"))).toBeGreaterThan(0);
    }
    expect(house.api.ports.eventIntake.held.bytes).toBe(0);
    await house.bus.server.restart();
    await eventually(async () => expect((await house.send(line(1))).status).toBe(202));
    expect(await numbers()).toEqual([1]);
  });

  test("for a moment only: what was on its way is stored once, and answered", async () => {
    const sent = Array.from({ length: 200 }, (_, n) => house.send(line(n)));
    await house.bus.server.kill9();
    await house.bus.server.restart();
    const answers = await Promise.all(sent);
    const accepted = answers.flatMap(({ status }, n) => (status === 202 ? [n] : []));
    for (const { status } of answers) expect([202, 503]).toContain(status);
    await eventually(async () => expect((await house.send(line(1_000))).status).toBe(202));
    const stored = await numbers();
    expect(new Set(stored).size).toBe(stored.length);
    expect(stored).toEqual(expect.arrayContaining(accepted));
  });

  test("in the middle of a stream of requests loses nothing that was accepted", async () => {
    let n = 0;
    const accepted: number[] = [];
    const isOver = { value: false };
    const client = async () => {
      while (!isOver.value) {
        const mine = n++;
        const { status } = await house.send(line(mine));
        expect([202, 503]).toContain(status);
        if (status === 202) accepted.push(mine);
        else await Bun.sleep(5);
      }
    };
    const clients = Array.from({ length: 16 }, client);
    for (let round = 0; round < 3; round++) {
      const before = accepted.length;
      await eventually(async () => expect(accepted.length).toBeGreaterThan(before + 100));
      await house.bus.server.kill9();
      await house.bus.server.restart();
    }
    isOver.value = true;
    await Promise.all(clients);
    const stored = new Map<number, number>();
    for (const each of await numbers()) stored.set(each, (stored.get(each) ?? 0) + 1);
    expect(accepted.filter((each) => stored.get(each) !== 1)).toEqual([]);
  }, 30_000);
});

test("a broker that stalls is noticed: new requests are refused at once, memory is bounded", async () => {
  const { pid } = house.bus.server;
  await house.send(line(0));
  process.kill(pid, "SIGSTOP");
  try {
    const first = house.send(line(1));
    await eventually(async () => expect(house.publisher.obstacle()?.code).toBe("BUS_UNAVAILABLE"));
    const startMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => house.send(line(100 + n))));
    expect(performance.now() - startMs).toBeLessThan(500);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    process.kill(pid, "SIGCONT");
    expect((await first).status).toBe(202);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await eventually(async () => expect((await house.send(line(2))).status).toBe(202));
  expect(await numbers()).toEqual([0, 1, 2]);
});

test("a broker that stalls in the middle of a request: the answer says which records were taken, and the rest can follow", async () => {
  const lines = linesOf(12_000);
  const bytes = Buffer.from(lines.join("\n"));
  const { promise: isStalled, resolve: stall } = Promise.withResolvers<void>();
  const half = Math.floor(bytes.length / 2);
  const body = new ReadableStream<Uint8Array>({
    start: async (controller) => {
      controller.enqueue(new Uint8Array(bytes.subarray(0, half)));
      await isStalled;
      controller.enqueue(new Uint8Array(bytes.subarray(half)));
      controller.close();
    },
  });
  const headers = { ...NDJSON, Authorization: `Bearer ${house.key}` };
  const sending = fetch(`${house.url}/api/events`, { method: "POST", headers, body });
  await until("the first part is there", async () => (await house.messages()).length > 0);
  process.kill(house.bus.server.pid, "SIGSTOP");
  try {
    stall();
    const response = await sending;
    const answer: StalledAnswer = JSON.parse(await response.text());
    expect([response.status, answer.code]).toEqual([503, "BUS_UNAVAILABLE"]);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    process.kill(house.bus.server.pid, "SIGCONT");
    const { accepted, next_index } = answer.taken;
    expect(accepted).toBeGreaterThan(0);
    expect(next_index).toBe(accepted);
    await until("it goes on", () => house.publisher.obstacle() === undefined);
    const rest = await house.send(lines.slice(next_index).join("\n"), NDJSON);
    expect([rest.status, rest.body.accepted]).toEqual([202, 12_000 - accepted]);
    // What the broker had before it stalled and did not acknowledge may be there twice: without a key, nobody can know.
    expect(new Set(await numbers()).size).toBe(12_000);
  } finally {
    process.kill(house.bus.server.pid, "SIGCONT");
  }
}, 30_000);

test("the api holds no more bytes than it may, whatever is pushed", async () => {
  const body = linesOf(3_000).join("\n");
  const { held } = house.api.ports.eventIntake;
  const room = held.reserve(EVENTS_HELD_BYTES_MAX - 2 * body.length);
  process.kill(house.bus.server.pid, "SIGSTOP");
  const sent = Array.from({ length: 6 }, () => house.send(body, NDJSON));
  try {
    const answers = await Promise.race([Promise.all(sent.slice(2)), Bun.sleep(2_000)]);
    for (const { status, headers, body: answer } of answers ?? []) {
      expect([status, answer.code]).toEqual([503, "EVENTS_BACKLOG"]);
      expect(headers.get("Retry-After")).toBe("1");
      expect(answer.limit).toEqual({ name: "bytes held by the api", bytes: EVENTS_HELD_BYTES_MAX });
    }
    expect(answers).toHaveLength(4);
    expect(held.bytes).toBeLessThanOrEqual(EVENTS_HELD_BYTES_MAX);
  } finally {
    process.kill(house.bus.server.pid, "SIGCONT");
  }
  for (const answer of await Promise.all(sent.slice(0, 2)))
    expect(answer.body).toMatchObject({ accepted: 3_000 });
  room.release();
  expect(held.bytes).toBe(0);
});

test("requests that come together share messages, and each gets a receipt of its own", async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => house.send(line(n))));
  expect(new Set(answers.map(({ body }) => body.receipt)).size).toBe(200);
  const messages = await house.messages();
  expect(messages.length).toBeLessThan(50);
  expect((await numbers()).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  for (const { header } of messages) {
    let first = 0;
    for (const request of header?.requests ?? []) {
      expect(request.first).toBe(first);
      first += request.count;
    }
    expect(first).toBe(header?.events ?? -1);
  }
});
