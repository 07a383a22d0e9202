import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { until } from "../support/bus.ts";
import { diceOf, newDice } from "../support/dice.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;
const ROUNDS = 150;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack();
}, HOOK_MS);
afterAll(() => stack.close(), HOOK_MS);

interface Door {
  readonly path: string;
  readonly type: string;
  /** A request with these records, of which any may be hostile text that stands for a record. */
  readonly body: (records: readonly string[]) => string;
  /** As the door wants a good one. */
  readonly good: (n: number) => string;
  /** How many records the answer says were taken of the body, as it was before it was packed. */
  readonly accepted: (status: number, text: string, body: string) => number;
}

const DOORS: Readonly<Record<string, Door>> = {
  http: {
    path: "/api/events",
    type: "application/x-ndjson",
    body: (records) => records.join("\n"),
    good: (n) => `{"type":"fuzz","message":"good ${n}"}`,
    accepted: (status, text) => (status === 202 ? JSON.parse(text).accepted : 0),
  },
  otlp: {
    path: "/v1/logs",
    type: "application/json",
    body: (records) => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${records.join(",")}]}]}]}`,
    good: (n) => `{"timeUnixNano":"${Date.now()}000000","body":{"stringValue":"good ${n}"}}`,
    accepted: (status, text, body) =>
      status === 200 ? recordsOf(body) - Number(JSON.parse(text).partialSuccess?.rejectedLogRecords ?? 0) : 0,
  },
  bulk: {
    path: "/_bulk",
    type: "application/x-ndjson",
    body: (records) => records.map((record) => `{"create":{"_index":"fuzz"}}\n${record}\n`).join(""),
    good: (n) => `{"message":"good ${n}"}`,
    accepted: (status, text) =>
      status === 200
        ? JSON.parse(text).items.filter(
            (item: Record<string, { status: number }>) => item.create?.status === 201,
          ).length
        : 0,
  },
};

/** A changed byte may have made another name of `logRecords`. */
function recordsOf(body: string): number {
  const logs: { resourceLogs?: { scopeLogs?: { logRecords?: unknown[] }[] }[] } = JSON.parse(body);
  return logs.resourceLogs?.[0]?.scopeLogs?.[0]?.logRecords?.length ?? 0;
}

const deep = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);
const HOSTILE: readonly string[] = [
  "garbage",
  "\0",
  '{"message":"a\\u0000b","type":"fuzz"}',
  '{"message":"half \\ud83d","type":"fuzz","body":{"stringValue":"\\udfff"}}',
  '{"type":"fuzz","type":5,"message":"x","message":"twice","message":"thrice"}',
  `{"type":"fuzz","message":"deep","attributes":${deep(10_000, '{"a":', "}").replace("}", "1}")}}`,
  deep(10_000, "[", "]"),
  `{"type":"fuzz","message":"deep","a":${deep(10_000, "[", "]")}}`,
  '{"type":"fuzz","message":"m","__proto__":{"x":1},"constructor":null}',
  '{"type":"fuzz","message":"m","timestamp":"9999-12-31T23:59:59Z","timeUnixNano":"99999999999999999999"}',
  '{"type":"fuzz","message":"m","attributes":{"n":1e400}}',
  `{"type":"fuzz","message":"${"x".repeat(70_000)}"}`,
  "",
  "{}",
  "null",
  '{"message":5,"type":"fuzz","body":{"kvlistValue":5}}',
];

/** What was accepted, and is found by a query. */
async function stored(): Promise<number> {
  let [count, cursor] = [0, ""];
  for (let page = 0; page < 100; page++) {
    const { body } = await stack.call("GET", `/api/events?limit=1000&from=2000-01-01T00:00:00Z${cursor}`);
    count += body.items.length;
    if (body.next_cursor === null) break;
    cursor = `&cursor=${body.next_cursor}`;
  }
  return count;
}

describe.each(Object.entries(DOORS))("the door %s", (name, door) => {
  test("answers nothing with a 5xx, whatever comes, and what it accepts is what a query finds", async () => {
    const { seed } = newDice();
    const dice = diceOf(seed + name.length);
    const before = await stored();
    const wrong: unknown[] = [];
    let accepted = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const records = Array.from({ length: dice.between(1, 8) }, (_, n) =>
        dice.throw() < 0.5 ? door.good(round * 10 + n) : dice.pick(HOSTILE),
      );
      let body: Buffer = Buffer.from(door.body(records), dice.throw() < 0.9 ? "utf8" : "latin1");
      const headers: Record<string, string> = { "Content-Type": door.type };
      const kind = dice.between(0, 5);
      if (kind === 1) body = body.subarray(0, dice.between(0, body.length)); // Cut.
      if (kind === 4 && body.length > 0) body[dice.between(0, body.length - 1)] = dice.between(0, 255);
      const plain = body.toString();
      if (kind === 2 || kind === 3) {
        headers["Content-Encoding"] = "gzip";
        body = gzipSync(body);
      }
      if (kind === 3) body = body.subarray(0, dice.between(0, body.length - 1)); // Half a stream.
      const response = await fetch(`${stack.apiUrl}${door.path}`, {
        method: "POST",
        headers: { ...headers, Authorization: `Bearer ${stack.apiKey}` },
        body: new Uint8Array(body),
      });
      const text = await response.text();
      if (response.status >= 500) wrong.push({ round, status: response.status, text, body: String(body) });
      accepted += door.accepted(response.status, text, plain);
      if (kind === 3) expect([round, response.status]).toEqual([round, 400]);
    }
    expect(wrong).toEqual([]);
    expect(accepted).toBeGreaterThan(ROUNDS / 4);
    await until("all that was accepted is found", async () => (await stored()) - before >= accepted, 30_000);
    expect((await stored()) - before).toBe(accepted);
    expect((await stack.call("GET", "/api/ledger")).body.is_even).toBe(true);
  }, 120_000);
});
