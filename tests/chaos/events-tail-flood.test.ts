import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { STREAM_WAITING_BYTES_MAX } from "@millrace/core/limits";
import type { Socket } from "bun";
import { runLoad } from "../support/http-load.ts";
import { type RunningStack, startStack, untilTrue } from "../support/running-stack.ts";
import { readSentEvents } from "../support/server-sent.ts";

const TEST_MS = 120_000;
const LINES = 1_000;
const REQUESTS = 600;
const STALLED = 8;
/** Beside what the viewers' buffers may hold: what ingest itself needs, and the collector's slack. */
const RSS_GROWTH_MAX = 150e6;

let stack: RunningStack;
beforeAll(async () => {
  stack = await startStack({ LOG_LEVEL: "WARNING" });
}, TEST_MS);
afterAll(() => stack?.stop(), TEST_MS);

function rssBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1_024;
}

interface Viewer {
  readonly received: string;
  stall(): void;
  goOn(): void;
  close(): void;
}

/** Watches the tail, and stops reading when it is told to. */
async function startViewer(url: string, key: string): Promise<Viewer> {
  const { hostname, port, host } = new URL(url);
  const socket: Socket<{ text: string }> = await Bun.connect({
    ...{ hostname, port: Number(port), data: { text: "" } },
    socket: {
      data: (own, chunk) => {
        own.data.text = (own.data.text + chunk.toString("latin1")).slice(-4_000_000);
      },
    },
  });
  socket.write(`GET /api/events/tail HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\n\r\n`);
  await untilTrue(() => socket.data.text.includes("event: open"), 10_000, "the tail is open");
  return {
    get received() {
      return socket.data.text;
    },
    stall: () => socket.pause(),
    goOn: () => socket.resume(),
    close: () => socket.end(),
  };
}

test(
  "viewers that stop reading under a flood: nothing waits beyond the bound, what was left out is told, and everybody else is served",
  async () => {
    const { api_url: url, api_key: key } = await stack.run();
    const flood = (requests: number) =>
      runLoad({
        ...{ url, path: "/api/events", connections: 4, requests, body: () => body },
        headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" },
      });
    const body = Buffer.from(
      Array.from(
        { length: LINES },
        (_, n) => `{"type":"flood","message":"event ${n} ${"x".repeat(120)}"}`,
      ).join("\n"),
    );
    await flood(REQUESTS / 4); // What the process takes for ingest alone, it has taken now.
    const pid = await stack.pidOf("api");
    const quick = await readSentEvents(`${url}/api/events/tail`, key);
    const viewers = await Promise.all(Array.from({ length: STALLED }, () => startViewer(url, key)));
    for (const viewer of viewers) viewer.stall();
    const rssBefore = rssBytes(pid);
    const { statuses } = await flood(REQUESTS);
    expect([...statuses]).toEqual([[202, REQUESTS]]);
    expect(rssBytes(pid) - rssBefore).toBeLessThan(RSS_GROWTH_MAX + STALLED * 2 * STREAM_WAITING_BYTES_MAX);
    const { data } = await quick.untilSent(
      "the quick one is told",
      ({ event }) => event === "dropped",
      30_000,
    );
    expect(data.events + data.messages).toBeGreaterThan(0);
    expect(quick.events.filter(({ event }) => event === "event").length).toBeGreaterThan(0);
    for (const viewer of viewers) viewer.goOn();
    await untilTrue(
      () => viewers.every(({ received }) => received.includes("event: dropped")),
      30_000,
      "the stalled ones are told, too",
    );
    // The live view goes on for all of them.
    const isSeen = async (): Promise<boolean> => {
      await stack.call("POST", "/api/events", { type: "last", message: "the last one" });
      return viewers.every(({ received }) => received.includes('"type":"last"'));
    };
    await untilTrue(isSeen, 30_000, "they see what comes now");
    for (const viewer of viewers) viewer.close();
    quick.close();
  },
  TEST_MS,
);
