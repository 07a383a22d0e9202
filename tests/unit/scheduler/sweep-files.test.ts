import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Blobs } from "@millrace/blobs";
import { Fault, type Json } from "@millrace/core";
import { ENDED_FILE_KEPT_MS, ORPHAN_AGE_MS, ORPHAN_PASS_MS } from "@millrace/core/limits";
import { createMetrics } from "@millrace/observe";
import { contentKey, resultKey } from "@millrace/protocol/file-operations/index";
import { createSchedulerMetrics } from "@millrace/scheduler/metrics";
import { FileSweeper } from "@millrace/scheduler/sweep-files";
import { claimAttempts, createUpload, deleteFile, settleAttempts } from "@millrace/store";
import { KINDS, newBlobs, source } from "../../support/blobs.ts";
import { newUpload, storeFile, WIDE_QUOTA } from "../../support/file-store.ts";
import { recordingLog } from "../../support/scheduler.ts";
import { openTaskStore, type TaskStore } from "../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore();
});
afterEach(() => store.close());

const clock = { ms: 0 };
/** When everything that a test has written is older than an orphan must be. */
const LATER_MS = ORPHAN_AGE_MS + 60_000;

function sweeperOf(blobs: Blobs, keptDays = 30): FileSweeper {
  clock.ms = Date.now() + LATER_MS;
  const metrics = createSchedulerMetrics(createMetrics({ service: "scheduler" }));
  return new FileSweeper({
    sql: store.sql,
    blobs,
    log: recordingLog([]),
    metrics,
    keptDays,
    nowMs: () => clock.ms,
  });
}

const write = (blobs: Blobs, key: string) => blobs.write(key, source(10), { bytesMax: 1_000 });
const keysOf = async (blobs: Blobs) => (await blobs.list()).items.map(({ key }) => key).sort();

/** A file whose task has completed with this attempt's result. */
async function completed(blobs: Blobs, attempt: number): Promise<string> {
  const { fileId, seq } = await storeFile(store.sql);
  for (let number = 1; number <= attempt; number += 1) {
    await claimAttempts(store.sql, "w~1", [{ seq, attempt: number }]);
    const result: Json = { result: { key: resultKey(fileId, number) } };
    await settleAttempts(store.sql, "w~1", [
      number === attempt
        ? { seq, attempt: number, kind: "completed", result }
        : { seq, attempt: number, kind: "returned", delay_ms: 0 },
    ]);
    await write(blobs, resultKey(fileId, number));
  }
  await write(blobs, contentKey(fileId));
  return fileId;
}

describe.each(KINDS)("with blobs in %s", (kind) => {
  test("what somebody may want stays; what a death, a deletion or a lost attempt left goes", async () => {
    const blobs = await newBlobs(kind);
    const fileId = await completed(blobs, 2);
    const arriving = newUpload();
    await createUpload(store.sql, arriving, WIDE_QUOTA);
    const { fileId: waiting } = await storeFile(store.sql);
    const { fileId: deleted } = await storeFile(store.sql);
    await deleteFile(store.sql, deleted);
    const wanted = [
      contentKey(fileId),
      resultKey(fileId, 2),
      contentKey(arriving.fileId),
      contentKey(waiting),
      resultKey(waiting, 1),
    ];
    const orphans = [contentKey(deleted), resultKey(deleted, 1), contentKey(Bun.randomUUIDv7())];
    for (const key of [...wanted.slice(2), ...orphans, "notours/at-all"]) await write(blobs, key);

    await sweeperOf(blobs).round();
    expect(await keysOf(blobs)).toEqual([...wanted, "notours/at-all"].sort());
  });

  test("an upload that expired and a file whose time is over end with their bytes", async () => {
    const blobs = await newBlobs(kind);
    const expired = newUpload({ lifeMs: -1 });
    await createUpload(store.sql, expired, WIDE_QUOTA);
    await blobs.uploads.begin(expired.contentKey);
    await blobs.uploads.append(expired.contentKey, source(100), { offset: 0, bytesMax: 1_000 });
    const over = await completed(blobs, 1);
    const young = await completed(blobs, 1);
    await store.sql`update files set task_seq = seq_at(clock_timestamp() - interval '31 days') where file_id = ${over}`;

    expect(await sweeperOf(blobs).round()).toBe(false);
    expect(await blobs.uploads.offset(expired.contentKey)).toBeUndefined();
    expect(await keysOf(blobs)).toEqual([contentKey(young), resultKey(young, 1)]);
    const rows = await store.sql<{ file_id: string; state: string }[]>`select file_id, state from files`;
    expect(new Map(rows.map((row) => [row.file_id, row.state]))).toEqual(
      new Map([
        [expired.fileId, "expired"],
        [over, "expired"],
        [young, "uploaded"],
      ]),
    );
  });
});

test("bytes without a row are left alone as long as their row may be on its way", async () => {
  const blobs = await newBlobs("local");
  await write(blobs, contentKey("young"));
  const sweeper = sweeperOf(blobs);
  clock.ms = Date.now() + ORPHAN_AGE_MS - 60_000;
  await sweeper.round();
  expect(await keysOf(blobs)).toEqual([contentKey("young")]);
});

test("a round looks at one page, the next one goes on, and after the last one it rests", async () => {
  const blobs = await newBlobs("local");
  const pages: (string | undefined)[] = [];
  const counted: Blobs = Object.assign(blobs, {
    list: async ({ cursor }: { readonly cursor?: string } = {}) => {
      pages.push(cursor);
      return cursor === "b" ? { items: [] } : { items: [], cursor: cursor === undefined ? "a" : "b" };
    },
  });
  const sweeper = sweeperOf(counted);
  for (let round = 0; round < 5; round += 1) await sweeper.round();
  expect(pages).toEqual([undefined, "a", "b"]);
  clock.ms += ORPHAN_PASS_MS;
  await sweeper.round();
  expect(pages).toEqual([undefined, "a", "b", undefined]);
});

test("a storage that is away keeps no row from ending, and its bytes go when it is back", async () => {
  const blobs = await newBlobs("local");
  const expired = newUpload({ lifeMs: -1 });
  await createUpload(store.sql, expired, WIDE_QUOTA);
  await write(blobs, expired.contentKey);
  const { remove } = blobs;
  const away = () => Promise.reject(new Fault("STORAGE_UNAVAILABLE", "it is away"));
  const sweeper = sweeperOf(Object.assign(blobs, { remove: away }));
  expect(await sweeper.round().catch((error: unknown) => error)).toMatchObject({
    code: "STORAGE_UNAVAILABLE",
  });
  expect([...(await store.sql`select state from files`)]).toEqual([{ state: "expired" }]);
  Object.assign(blobs, { remove });
  await sweeper.round();
  expect(await keysOf(blobs)).toEqual([]);
});

test("of several sweepers at once each row is ended by one, and none fails", async () => {
  const blobs = await newBlobs("local");
  const uploads = Array.from({ length: 40 }, () => newUpload({ lifeMs: -1 }));
  for (const upload of uploads) {
    await createUpload(store.sql, upload, WIDE_QUOTA);
    await write(blobs, upload.contentKey);
  }
  await Promise.all([1, 2, 3].map(() => sweeperOf(blobs).round()));
  expect(await keysOf(blobs)).toEqual([]);
  expect([...(await store.sql`select distinct state from files`)]).toEqual([{ state: "expired" }]);
});

test("rows of what ended are forgotten after their time", async () => {
  const { fileId } = await storeFile(store.sql);
  await deleteFile(store.sql, fileId);
  const { fileId: older } = await storeFile(store.sql);
  await deleteFile(store.sql, older);
  await store.sql`update files set ended_at = ended_at - ${ENDED_FILE_KEPT_MS} * interval '1 millisecond'
    where file_id = ${older}`;
  await sweeperOf(await newBlobs("local")).round();
  expect([...(await store.sql`select file_id from files`)]).toEqual([{ file_id: fileId }]);
});
