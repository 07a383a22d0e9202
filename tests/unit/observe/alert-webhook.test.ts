import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { ALERT_NOTICES_WAITING_MAX, ALERT_WEBHOOK_TRIES_MAX } from "@millrace/core/limits";
import { AlertWebhook, createLog, createMetrics, type Metrics } from "@millrace/observe";

const SECRET = "sixteen characters";
const lines: Record<string, unknown>[] = [];
const log = createLog({
  ...{ service: "scheduler", level: "DEBUG", format: "json" },
  destination: { write: (line) => void lines.push(JSON.parse(line)), flush: () => {} },
});

interface Call {
  readonly headers: Headers;
  readonly body: string;
}

let calls: Call[] = [];
let statuses: number[] = [];
let server: ReturnType<typeof Bun.serve>;
beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      calls.push({ headers: request.headers, body: await request.text() });
      return new Response("", { status: statuses.shift() ?? 200, headers: { Location: "/elsewhere" } });
    },
  });
});
beforeEach(() => {
  calls = [];
  statuses = [];
});
afterAll(() => server.stop(true));

function open(secret?: string): { webhook: AlertWebhook; metrics: Metrics } {
  const metrics = createMetrics({ service: "scheduler" });
  return {
    webhook: new AlertWebhook({ url: `${server.url}hook`, secret, log, metrics, pauseMs: 1 }),
    metrics,
  };
}

test("each notice is posted once, in order, and signed", async () => {
  const { webhook } = open(SECRET);
  for (const id of ["a", "b", "c"]) webhook.tell({ id });
  await webhook.drain(10_000);
  expect(calls.map(({ body }) => body)).toEqual(['{"id":"a"}', '{"id":"b"}', '{"id":"c"}']);
  for (const { headers, body } of calls) {
    const signed = `${headers.get("x-millrace-timestamp")}.${body}`;
    const expected = createHmac("sha256", SECRET).update(signed).digest("hex");
    expect(headers.get("x-millrace-signature")).toBe(`sha256=${expected}`);
  }
});

test("without a secret nothing is signed", async () => {
  const { webhook } = open();
  webhook.tell({ id: "a" });
  await webhook.drain(10_000);
  expect(calls[0]?.headers.has("x-millrace-signature")).toBe(false);
});

test("what was not taken is tried again, as the same delivery", async () => {
  const { webhook, metrics } = open();
  statuses = [503, 500];
  webhook.tell({ id: "a" });
  await webhook.drain(10_000);
  expect(new Set(calls.map(({ headers }) => headers.get("x-millrace-delivery"))).size).toBe(1);
  expect(calls).toHaveLength(3);
  expect(await metrics.render()).toMatch(/alert_notices_total\{[^}]*end="sent"[^}]*\} 1\n/);
});

test("tries are bounded; a redirect is no success and is not followed; the next notice still goes out", async () => {
  const { webhook, metrics } = open();
  statuses = Array(ALERT_WEBHOOK_TRIES_MAX).fill(302);
  webhook.tell({ id: "a" });
  webhook.tell({ id: "b" });
  await webhook.drain(10_000);
  expect(calls.map(({ body }) => body)).toEqual([
    ...Array(ALERT_WEBHOOK_TRIES_MAX).fill('{"id":"a"}'),
    '{"id":"b"}',
  ]);
  expect(lines.at(-1)).toMatchObject({ level: "ERROR", problem: "it answered 302" });
  expect(await metrics.render()).toMatch(/alert_notices_total\{[^}]*end="failed"[^}]*\} 1\n/);
});

test("what waits is bounded, and what is dropped is counted", async () => {
  const { webhook, metrics } = open();
  for (let id = 0; id < ALERT_NOTICES_WAITING_MAX + 10; id += 1) webhook.tell({ id });
  await webhook.drain(20_000);
  const [, dropped] =
    /alert_notices_total\{[^}]*end="dropped"[^}]*\} (\d+)\n/.exec(await metrics.render()) ?? [];
  expect(Number(dropped)).toBeGreaterThanOrEqual(9);
  expect(calls.length + Number(dropped)).toBe(ALERT_NOTICES_WAITING_MAX + 10);
});
