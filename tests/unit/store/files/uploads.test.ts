import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  advanceUpload,
  claimAttempts,
  createUpload,
  expireUpload,
  findFile,
  findTask,
  finishUpload,
  settleAttempts,
} from "@millrace/store";
import { finishOf, newUpload, storeFile, WIDE_QUOTA } from "../../../support/file-store.ts";
import { completion, openTaskStore, submitOne, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
let owner = 100;
beforeAll(async () => {
  store = await openTaskStore(10);
});
afterAll(() => store.close());

test("a file arrives, and its task is made of it", async () => {
  const { sql } = store;
  const upload = newUpload({ ownerId: ++owner, options: { level: 3 }, operation: "gzip", tenant: "blue" });
  expect(await createUpload(sql, upload, WIDE_QUOTA)).toMatchObject({ kind: "created", keptBytes: 10 });
  expect(await findFile(sql, upload.fileId)).toMatchObject({ state: "uploading", task: null, size: null });
  const finish = await finishUpload(sql, finishOf(upload.fileId, 7));
  expect(finish.kind).toBe("finished");
  const file = await findFile(sql, upload.fileId);
  expect(file).toMatchObject({ state: "uploaded", size: 7, keptBytes: 7, task: { status: "pending" } });
  expect(await findTask(sql, upload.fileId)).toMatchObject({
    ...{ taskType: "file.process", lane: "file", priority: 8, timeoutS: 120, tenant: "blue", ownerId: owner },
    payload: { file_id: upload.fileId, owner_id: owner, operation: "gzip", options: { level: 3 }, size: 7 },
  });
});

test("an upload that is finished twice has one task, also when both come at once", async () => {
  const upload = newUpload({ ownerId: ++owner });
  await createUpload(store.sql, upload, WIDE_QUOTA);
  const finishes = await Promise.all([1, 2, 3].map(() => finishUpload(store.sql, finishOf(upload.fileId))));
  expect(finishes.map(({ kind }) => kind).sort()).toEqual(["finished", "finished-before", "finished-before"]);
});

test("what the request said after the bytes counts", async () => {
  const upload = newUpload({ ownerId: ++owner, operation: null });
  await createUpload(store.sql, upload, WIDE_QUOTA);
  await finishUpload(store.sql, { ...finishOf(upload.fileId), operation: "gzip", options: { level: 1 } });
  expect(await findFile(store.sql, upload.fileId)).toMatchObject({
    operation: "gzip",
    options: { level: 1 },
  });
});

test("an upload that has expired does not finish, and leaves no task", async () => {
  const upload = newUpload({ ownerId: ++owner });
  await createUpload(store.sql, upload, WIDE_QUOTA);
  expect(await expireUpload(store.sql, upload.fileId)).toBe(true);
  expect(await expireUpload(store.sql, upload.fileId)).toBe(false);
  expect((await finishUpload(store.sql, finishOf(upload.fileId))).kind).toBe("gone");
  expect((await finishUpload(store.sql, finishOf(Bun.randomUUIDv7()))).kind).toBe("gone");
  expect(await findTask(store.sql, upload.fileId)).toBeNull();
  expect(await findFile(store.sql, upload.fileId)).toBeNull();
});

test("a task that has the file's id already is left alone, and the upload goes no further", async () => {
  const upload = newUpload({ ownerId: ++owner });
  await createUpload(store.sql, upload, WIDE_QUOTA);
  await submitOne(store.sql, { task_id: upload.fileId });
  expect((await finishUpload(store.sql, finishOf(upload.fileId))).kind).toBe("task-id-taken");
  expect(await findFile(store.sql, upload.fileId)).toMatchObject({ state: "uploading" });
});

test("the more of somebody's files wait, the later the next one's turn; others do not feel it", async () => {
  const ownerId = ++owner;
  const files: Awaited<ReturnType<typeof storeFile>>[] = [];
  for (let count = 0; count < 10; count++) files.push(await storeFile(store.sql, { ownerId }));
  expect(files.map(({ task }) => task.priority)).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 1, 1]);
  expect((await storeFile(store.sql, { ownerId: ++owner })).task.priority).toBe(8);
  for (const { seq } of files.slice(-4)) {
    await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }]);
    await settleAttempts(store.sql, "w~1", [completion(seq)]);
  }
  expect((await storeFile(store.sql, { ownerId })).task.priority).toBe(4);
});

test("twenty parallel uploads cannot pass a quota of five files together", async () => {
  const ownerId = ++owner;
  const quota = { ...WIDE_QUOTA, filesMax: 5 };
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => createUpload(store.sql, newUpload({ ownerId }), quota)),
  );
  expect(answers.filter(({ kind }) => kind === "created")).toHaveLength(5);
  expect(answers.find(({ kind }) => kind !== "created")).toEqual({ kind: "too-many-files", used: 5, max: 5 });
});

test("bytes are set aside when an upload begins, and are free again when it ends without them", async () => {
  const ownerId = ++owner;
  const quota = { ...WIDE_QUOTA, bytesMax: 25 };
  const first = newUpload({ ownerId });
  expect((await createUpload(store.sql, first, quota)).kind).toBe("created");
  expect((await createUpload(store.sql, newUpload({ ownerId }), quota)).kind).toBe("created");
  const third = newUpload({ ownerId });
  expect(await createUpload(store.sql, third, quota)).toEqual({ kind: "too-many-bytes", used: 20, max: 25 });
  const unknown = newUpload({ ownerId, declaredSize: null });
  expect(await createUpload(store.sql, unknown, quota)).toMatchObject({ kind: "created", keptBytes: 5 });
  await expireUpload(store.sql, unknown.fileId);
  await finishUpload(store.sql, finishOf(first.fileId, 2));
  expect((await createUpload(store.sql, third, quota)).kind).toBe("created");
});

test("somebody who begins too many uploads in a minute is told how long to wait, also after deleting them", async () => {
  const ownerId = ++owner;
  const quota = { ...WIDE_QUOTA, perMinuteMax: 3 };
  for (let count = 0; count < 3; count++) {
    const upload = newUpload({ ownerId });
    expect((await createUpload(store.sql, upload, quota)).kind).toBe("created");
    await expireUpload(store.sql, upload.fileId);
  }
  const refused = await createUpload(store.sql, newUpload({ ownerId }), quota);
  expect(refused.kind).toBe("too-fast");
  const waitS = refused.kind === "too-fast" ? refused.retryAfterS : 0;
  expect(waitS).toBeWithin(1, 61);
  await store.sql`update files set created_at = created_at - interval '61 seconds' where owner_id = ${ownerId}`;
  expect((await createUpload(store.sql, newUpload({ ownerId }), quota)).kind).toBe("created");
});

test("the same idempotency key gives the file that arrived, and gives up one that did not", async () => {
  const ownerId = ++owner;
  const first = newUpload({ ownerId, idempotencyKey: "k" });
  await createUpload(store.sql, first, WIDE_QUOTA);
  const second = newUpload({ ownerId, idempotencyKey: "k" });
  expect((await createUpload(store.sql, second, WIDE_QUOTA)).kind).toBe("created");
  expect((await finishUpload(store.sql, finishOf(first.fileId))).kind).toBe("gone");
  expect((await finishUpload(store.sql, finishOf(second.fileId))).kind).toBe("finished");
  const third = await createUpload(store.sql, newUpload({ ownerId, idempotencyKey: "k" }), WIDE_QUOTA);
  expect(third).toMatchObject({ kind: "existing", file: { fileId: second.fileId } });
  const other = newUpload({ ownerId: ++owner, idempotencyKey: "k" });
  expect((await createUpload(store.sql, other, WIDE_QUOTA)).kind).toBe("created");
});

test("an upload that goes on gets more time, and its offset never goes back", async () => {
  const upload = newUpload({ ownerId: ++owner, lifeMs: 1_000 });
  const created = await createUpload(store.sql, upload, WIDE_QUOTA);
  const advanced = await advanceUpload(store.sql, upload.fileId, { offset: 9, lifeMs: 90_000 });
  const expiresAt = created.kind === "created" ? created.expiresAt.getTime() : Number.NaN;
  expect(advanced?.expiresAt.getTime()).toBeGreaterThan(expiresAt + 80_000);
  await advanceUpload(store.sql, upload.fileId, { offset: 4, lifeMs: 1 });
  expect(await findFile(store.sql, upload.fileId)).toMatchObject({
    uploadOffset: 9,
    uploadExpiresAt: advanced?.expiresAt,
  });
  await expireUpload(store.sql, upload.fileId);
  expect(await advanceUpload(store.sql, upload.fileId, { offset: 10, lifeMs: 1 })).toBeNull();
});
