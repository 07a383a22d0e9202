import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  claimAttempts,
  createUpload,
  deleteFile,
  expireUploads,
  findFile,
  findReferencedKeys,
  findTask,
  forgetFiles,
  listFiles,
  retireFiles,
  settleAttempts,
} from "@millrace/store";
import { newUpload, storeFile, WIDE_QUOTA } from "../../../support/file-store.ts";
import { completion, death, openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
});
afterAll(() => store.close());

test("a list shows its owner's files by what their tasks say, newest first, page by page", async () => {
  const { sql } = store;
  const uploading = newUpload({ ownerId: 7 });
  await createUpload(sql, uploading, WIDE_QUOTA);
  const [queued, processing, completed, failed] = [
    await storeFile(sql, { ownerId: 7 }),
    await storeFile(sql, { ownerId: 7 }),
    await storeFile(sql, { ownerId: 7 }),
    await storeFile(sql, { ownerId: 7 }),
  ];
  await storeFile(sql, { ownerId: 8 });
  await claimAttempts(
    sql,
    "w~1",
    [processing, completed, failed].map(({ seq }) => ({ seq, attempt: 1 })),
  );
  await settleAttempts(sql, "w~1", [completion(completed.seq), death(failed.seq)]);
  const all = [failed, completed, processing, queued, uploading].map(({ fileId }) => fileId);
  const page = { ownerId: 7, limit: 10 };
  expect((await listFiles(sql, page)).map(({ fileId }) => fileId)).toEqual(all);
  for (const [status, { fileId }] of Object.entries({ uploading, queued, processing, completed, failed }))
    expect(
      (await listFiles(sql, { ...page, status: status as "queued" })).map((file) => file.fileId),
    ).toEqual([fileId]);
  const next = await listFiles(sql, { ownerId: 7, limit: 2, before: completed.fileId });
  expect(next.map(({ fileId }) => fileId)).toEqual([processing.fileId, queued.fileId]);
  expect((await listFiles(sql, { ownerId: null, limit: 10 })).length).toBeGreaterThan(5);
});

test("a deleted file is gone at once and takes its unfinished task along; again there is nothing to delete", async () => {
  const { fileId, seq } = await storeFile(store.sql);
  await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }]);
  expect(await deleteFile(store.sql, fileId)).toMatchObject({
    taskSeq: seq,
    cancelled: { running: { attempt: 1, session: "w~1" } },
  });
  expect(await findFile(store.sql, fileId)).toBeNull();
  expect(await findTask(store.sql, fileId)).toMatchObject({ status: "cancelled" });
  expect(await deleteFile(store.sql, fileId)).toBeNull();
});

test("deleting a file leaves a finished task as it is", async () => {
  const { fileId, seq } = await storeFile(store.sql);
  await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }]);
  await settleAttempts(store.sql, "w~1", [completion(seq)]);
  expect(await deleteFile(store.sql, fileId)).toMatchObject({ cancelled: null });
  expect(await findTask(store.sql, fileId)).toMatchObject({ status: "completed" });
});

test("uploads that nobody goes on with expire, each once", async () => {
  const old = newUpload({ lifeMs: -1 });
  const young = newUpload();
  for (const upload of [old, young]) await createUpload(store.sql, upload, WIDE_QUOTA);
  expect(await expireUploads(store.sql, 100)).toEqual([{ fileId: old.fileId, contentKey: old.contentKey }]);
  expect(await expireUploads(store.sql, 100)).toEqual([]);
  expect(await findFile(store.sql, young.fileId)).not.toBeNull();
});

test("a file whose task was forgotten is not found", async () => {
  const { fileId, seq } = await storeFile(store.sql);
  await store.sql`delete from open_tasks where seq = ${seq}`;
  await store.sql`delete from tasks where seq = ${seq}`;
  expect(await findFile(store.sql, fileId)).toBeNull();
});

test("files are kept for their days, and longer while their task is not finished", async () => {
  const { sql } = store;
  const [over, open, young] = [await storeFile(sql), await storeFile(sql), await storeFile(sql)];
  for (const { fileId } of [over, open])
    await sql`update files set task_seq = seq_at(clock_timestamp() - interval '31 days') + (task_seq & 4095)
      where file_id = ${fileId}`;
  await sql`update open_tasks o set seq = f.task_seq from files f where f.file_id = ${open.fileId} and o.seq = ${open.seq}`;
  const retire = async (keptDays: number) =>
    (await retireFiles(sql, { keptDays, limit: 1_000 })).map(({ fileId }) => fileId);
  expect(await retire(32)).toEqual([]);
  expect(await retire(30)).toEqual([over.fileId]);
  expect(await retire(30)).toEqual([]);
  const states =
    await sql`select state from files where file_id = any(${[open.fileId, young.fileId]}::text[])`;
  expect([...states]).toEqual([{ state: "uploaded" }, { state: "uploaded" }]);
});

test("rows of files that ended are forgotten after their time", async () => {
  const { fileId } = await storeFile(store.sql);
  await deleteFile(store.sql, fileId);
  const count = async () => (await store.sql`select 1 from files where file_id = ${fileId}`).length;
  await forgetFiles(store.sql, { keptMs: 60_000, limit: 100 });
  expect(await count()).toBe(1);
  await forgetFiles(store.sql, { keptMs: -1_000, limit: 1_000 });
  expect(await count()).toBe(0);
});

test("the sweep is told which blobs somebody may still want", async () => {
  const { sql } = store;
  const arriving = newUpload();
  await createUpload(sql, arriving, WIDE_QUOTA);
  const [open, done, deleted] = [await storeFile(sql), await storeFile(sql), await storeFile(sql)];
  await claimAttempts(sql, "w~1", [{ seq: done.seq, attempt: 1 }]);
  const result = { result: { key: `results/${done.fileId}/2` }, summary: "\0" };
  await settleAttempts(sql, "w~1", [{ ...completion(done.seq), kind: "completed", result }]);
  await deleteFile(sql, deleted.fileId);
  const wanted = [
    `uploads/${arriving.fileId}`,
    `content/${arriving.fileId}`,
    `content/${open.fileId}`,
    `results/${open.fileId}/1`,
    `content/${done.fileId}`,
    `results/${done.fileId}/2`,
    "something/else",
  ];
  const orphans = [
    `uploads/${open.fileId}`,
    `results/${done.fileId}/1`,
    `content/${deleted.fileId}`,
    `results/${deleted.fileId}/1`,
    `content/${Bun.randomUUIDv7()}`,
    "content/",
  ];
  expect([...(await findReferencedKeys(sql, [...wanted, ...orphans]))].sort()).toEqual(wanted.sort());
  expect((await findReferencedKeys(sql, [])).size).toBe(0);
});
