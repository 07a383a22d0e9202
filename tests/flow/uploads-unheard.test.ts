import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { serve } from "@millrace/api/serve";
import { bytesAt, contentOf, KINDS, newStorage, openStorage } from "../support/blobs.ts";
import { idOf, startTusApi, type TusApi, type TusCaller, tusCaller } from "../support/tus.ts";

const ROUNDS = 15;
const SIZE = 300_000;

/** Two api processes that never hear each other: what keeps uploads whole is the storage and the database alone. */
describe.each([...KINDS])("two apis that cannot ask each other, on %s storage", (kind) => {
  let api: TusApi;
  let other: TusCaller;
  let stopOther: () => Promise<unknown>;
  let blobs: Awaited<ReturnType<typeof openStorage>>;
  beforeAll(async () => {
    const storage = await newStorage(kind);
    blobs = await openStorage(storage);
    api = await startTusApi(await openStorage(storage));
    const listening = serve(api.sibling({ blobs: await openStorage(storage) }).app, {
      host: "127.0.0.1",
      port: 0,
    });
    other = tusCaller(listening.url, api.token);
    stopOther = listening.stop;
  }, 60_000);
  afterAll(async () => {
    await stopOther();
    await api.stop();
  }, 60_000);

  const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

  test("of two chunks for one offset one is kept whole, and the file has one task", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const path = await api.begin(SIZE);
      const chunks = [1, 2].map((salt) => new Uint8Array(bytesAt(0, SIZE, salt + 2 * round)));
      const answers = await Promise.all(
        [api, other].map((caller, index) => caller.send(path, 0, chunks[index] ?? "")),
      );
      const statuses = answers.map(({ status }) => status);
      expect([
        [204, 409],
        [204, 423],
      ]).toContainEqual(statuses.toSorted((a, b) => a - b));
      const kept = chunks[statuses.indexOf(204)] ?? new Uint8Array();
      expect(await contentOf(blobs, `content/${idOf(path)}`)).toEqual(kept);
      const tasks = (await api.tasks()).filter(({ task_id }) => task_id === idOf(path));
      expect(tasks).toMatchObject([{ payload: { size: SIZE, sha256: sha256(kept) } }]);
    }
  }, 120_000);

  test("an end that both of them find unnoted is noted once", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const path = await api.begin(5);
      const key = `content/${idOf(path)}`;
      const hello = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode("hello"));
          controller.close();
        },
      });
      await blobs.uploads.append(key, hello, { offset: 0, bytesMax: 5 });
      const heads = await Promise.all([api, other, api, other].map((caller) => caller.tus("HEAD", path)));
      expect(heads.map(({ status, headers }) => [status, headers.get("Upload-Offset")])).toEqual(
        heads.map(() => [200, "5"]),
      );
      expect((await api.tasks()).filter(({ task_id }) => task_id === idOf(path))).toHaveLength(1);
    }
  }, 120_000);
});
