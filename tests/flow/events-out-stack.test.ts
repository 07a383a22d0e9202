import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../support/bus.ts";
import { readSentEvents } from "../support/server-sent.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;

setDefaultTimeout(60_000);

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack();
}, HOOK_MS);
afterAll(() => stack.close(), HOOK_MS);

async function send(lines: readonly object[], headers: Readonly<Record<string, string>> = {}) {
  const answer = await stack.raw("POST", "/api/events", {
    token: stack.apiKey,
    headers: { "Content-Type": "application/x-ndjson", ...headers },
    body: lines.map((line) => JSON.stringify(line)).join("\n"),
  });
  if (answer.status !== 202) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const list = async (query: string) => (await stack.call("GET", `/api/events?${query}`)).body;

test("what is sent is found, with its id, a moment later; and the receipt says when", async () => {
  const { receipt, accepted } = await send([
    { type: "shop.order", message: "one", attributes: { total: 5 }, id: "own" },
    { type: "shop.order", message: "two", level: "error", shop: 9 },
  ]);
  expect(accepted).toBe(2);
  await until("it is stored", async () => {
    const { body } = await stack.call("GET", `/api/events/receipts/${receipt}`);
    return body.state === "stored" && body.stored === 2;
  });
  const { items } = await list("type=shop.order");
  expect(items.map(({ message }: { message: string }) => message)).toEqual(["two", "one"]);
  expect(items[1]).toMatchObject({
    id: "own",
    level: "info",
    source: "made at first start",
    attributes: { total: 5 },
  });
  expect(items[0]).toMatchObject({ level: "error", attributes: { shop: 9 } });
  expect(items[0].id).toMatch(/^\d+-1$/);
});

test("a viewer of the tail is shown what comes in, and only what matches and is theirs to see", async () => {
  const token = await stack.signUp("viewer@example.org");
  const all = await readSentEvents(`${stack.apiUrl}/api/events/tail?level=error&q=smoke`, stack.apiKey);
  const own = await readSentEvents(`${stack.apiUrl}/api/events/tail`, token);
  expect([all.status, own.status]).toEqual([200, 200]);
  // The tail begins when its reader stands at the end of the stream: sent again until it is seen.
  let sent = 0;
  await until("the tail shows it", async () => {
    await send([
      { type: "alarm", level: "error", message: `Smoke ${sent++}`, attributes: { floor: 3 } },
      { type: "alarm", level: "info", message: "smoke" },
      { type: "alarm", level: "error", message: "fire" },
    ]);
    return all.events.some(({ event }) => event === "event");
  });
  const { data } = await all.untilSent("an event", ({ event }) => event === "event");
  expect(data).toMatchObject({
    type: "alarm",
    level: "error",
    source: "made at first start",
    attributes: { floor: 3 },
  });
  const shown = all.events.filter(({ event }) => event === "event");
  expect(shown.every((one) => one.data.message.startsWith("Smoke"))).toBe(true);
  expect(own.events.map(({ event }) => event)).toEqual(["open"]);
  // The same id as the query gives.
  await until("it is stored", async () => {
    const { items } = await list("type=alarm&q=smoke&level=error&limit=100");
    return items.some((item: { id: string; timestamp: string }) => item.id === data.id);
  });
  all.close();
  own.close();
});

test("the ledger is even, names what waits, and the recorder tells how far it is", async () => {
  await send(Array.from({ length: 500 }, (_, n) => ({ type: "count", message: `m${n}` })));
  await until("nothing is in flight", async () => {
    const { body } = await stack.call("GET", "/api/ledger");
    return body.in_flight_messages === 0 && body.is_even === true;
  });
  const { body } = await stack.call("GET", "/api/ledger");
  const sum = (field: string) =>
    body.minutes.reduce((total: number, line: Record<string, number>) => total + (line[field] ?? 0), 0);
  expect(sum("accepted")).toBe(sum("stored"));
  expect(sum("stored")).toBeGreaterThanOrEqual(500);
  const [row] = await stack.sql`select count(*)::integer as n from events`;
  expect(sum("stored")).toBe(row?.n);
  await until("it is logged", async () =>
    (await stack.logOf("recorder")).some(({ message }) => message === "recorded"),
  );
});

test("users may not see the ledger", async () => {
  const token = await stack.signUp("curious@example.org");
  expect((await stack.raw("GET", "/api/ledger", { token })).status).toBe(403);
});
