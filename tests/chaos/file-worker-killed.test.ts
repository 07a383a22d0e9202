import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Blobs } from "@millrace/blobs";
import { type Bus, connectBus } from "@millrace/bus";
import type { Json } from "@millrace/core";
import { ORPHAN_AGE_MS } from "@millrace/core/limits";
import { createMetrics } from "@millrace/observe";
import { createSchedulerMetrics } from "@millrace/scheduler/metrics";
import { FileSweeper } from "@millrace/scheduler/sweep-files";
import { CHAOS_TEST_MS, type Chaos, startChaos } from "../support/chaos.ts";
import { blobsOf, fileResultOf, resultOf, submitFile } from "../support/file-tasks.ts";
import { untilTrue } from "../support/running-stack.ts";
import { recordingLog } from "../support/scheduler.ts";

const ENDED_MS = 90_000;
const LINE = "thirty-two bytes of mixed straße\n";
/** ß becomes SS, which is as long. */
const BYTES = Buffer.byteLength(LINE);
const LINES_PER_PIECE = 30_000;
const PIECES = 90;

let chaos: Chaos;
let blobs: Blobs;
let bus: Bus;
beforeAll(async () => {
  chaos = await startChaos({ env: { MAX_WORKERS: "2", LONG_SLOTS: "1" } });
  blobs = await blobsOf(chaos.stack);
  bus = await connectBus({ urls: [(await chaos.stack.run()).nats_url], name: "test" });
}, CHAOS_TEST_MS);
afterAll(async () => {
  await bus?.connection.close();
  await chaos?.close();
});

async function* large(): AsyncGenerator<Uint8Array> {
  const piece = Buffer.from(LINE.repeat(LINES_PER_PIECE));
  for (let n = 0; n < PIECES; n += 1) yield piece;
}

interface View {
  readonly status: string;
  readonly attempts: number;
  readonly result: Json;
  readonly progress: number | null;
}

const show = async (fileId: string): Promise<View> =>
  (await chaos.stack.call("GET", `/api/tasks/${fileId}`)).body;

/** A page at a time, as the scheduler does it, on a day when all that is there is old. */
async function sweep(): Promise<void> {
  const sweeper = new FileSweeper({
    ...{ sql: chaos.sql, blobs, log: recordingLog([]), keptDays: 30 },
    metrics: createSchedulerMetrics(createMetrics({ service: "scheduler" })),
    nowMs: () => Date.now() + ORPHAN_AGE_MS + 60_000,
  });
  await sweeper.round();
}

test(
  "kill -9 of the worker in the middle of files: each is processed again, has one result, and nothing else is left",
  async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1)
      ids.push(
        await submitFile({ sql: chaos.sql, bus, blobs }, { operation: "uppercase", content: large() }),
      );
    await untilTrue(
      async () => (await Promise.all(ids.map(show))).some(({ progress }) => (progress ?? 0) > 0.1),
      ENDED_MS,
      "a file in the middle of its processing",
    );
    await chaos.crash("worker");
    for (const fileId of ids)
      await untilTrue(
        async () => (await show(fileId)).status === "completed",
        ENDED_MS,
        `the completion of ${fileId}`,
      );

    const wanted: string[] = [];
    for (const fileId of ids) {
      const { result } = fileResultOf(await show(fileId));
      expect(result.size).toBe(BYTES * LINES_PER_PIECE * PIECES);
      const hash = new Bun.CryptoHasher("sha256").update(await resultOf(blobs, result)).digest("hex");
      expect(hash).toBe(result.sha256);
      wanted.push(result.key, `content/${fileId}`);
    }
    const outcomes = await chaos.sql<{ kind: string; count: number }[]>`
      select kind, count(*)::integer as count from outcomes group by kind`;
    const counts = Object.fromEntries(outcomes.map(({ kind, count }) => [kind, count]));
    expect(counts.completed).toBe(ids.length);
    expect(counts.lost).toBeGreaterThan(0);
    expect(counts.dead).toBeUndefined();

    await sweep();
    expect((await blobs.list()).items.map(({ key }) => key).sort()).toEqual(wanted.sort());
  },
  CHAOS_TEST_MS,
);
