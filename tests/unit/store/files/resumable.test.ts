import { afterAll, beforeAll, expect, test } from "bun:test";
import { createUpload, declareSize, expireUpload, findUpload, finishUpload } from "@millrace/store";
import { finishOf, newUpload, WIDE_QUOTA } from "../../../support/file-store.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore(4);
}, 60_000);
afterAll(() => store.close(), 60_000);

const begin = async (over: Parameters<typeof newUpload>[0]) => {
  const upload = newUpload({ uploadKind: "tus", ...over });
  await createUpload(store.sql, upload, WIDE_QUOTA);
  return upload.fileId;
};

test("a resumable upload is found while it goes on and once it is a file, not when it has ended or never was", async () => {
  const fileId = await begin({ ownerId: 1 });
  expect(await findUpload(store.sql, fileId)).toMatchObject({ fileId, ownerId: 1, state: "uploading" });
  await finishUpload(store.sql, finishOf(fileId, 7));
  expect(await findUpload(store.sql, fileId)).toMatchObject({ state: "uploaded", size: 7 });
  const expired = await begin({ ownerId: 1 });
  await expireUpload(store.sql, expired);
  expect(await findUpload(store.sql, expired)).toBeNull();
  expect(await findUpload(store.sql, await begin({ ownerId: 1, uploadKind: "multipart" }))).toBeNull();
  expect(await findUpload(store.sql, Bun.randomUUIDv7())).toBeNull();
});

test("a size is said once, and frees what was set aside beyond it", async () => {
  const fileId = await begin({ ownerId: 2, declaredSize: null, bytesMax: 1_000 });
  expect(await findUpload(store.sql, fileId)).toMatchObject({ declaredSize: null, keptBytes: 1_000 });
  expect(await declareSize(store.sql, fileId, 1_001)).toBe(false);
  expect(await declareSize(store.sql, fileId, 400)).toBe(true);
  expect(await findUpload(store.sql, fileId)).toMatchObject({ declaredSize: 400, keptBytes: 400 });
  expect(await declareSize(store.sql, fileId, 300)).toBe(false);
  const expired = await begin({ ownerId: 2, declaredSize: null, bytesMax: 1_000 });
  await expireUpload(store.sql, expired);
  expect(await declareSize(store.sql, expired, 400)).toBe(false);
});
