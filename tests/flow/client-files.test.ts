import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Cut, cuttingFetch } from "@millrace/cli/demo/cutting-fetch";
import { ApiError, type Client, createClient, FileWaitTimeoutError } from "@millrace/client";
import { bytesAt, source } from "../support/blobs.ts";
import { completeFile, type FileApi, startFileApi } from "../support/file-api.ts";

/** Somebody uses files from TypeScript. */
let api: FileApi;
let client: Client;
beforeAll(async () => {
  api = await startFileApi();
  client = createClient({ baseUrl: api.url, accessToken: api.user.token });
});
afterAll(() => api.close());

const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

test("a Blob is sent, found, listed, fetched in parts, and deleted", async () => {
  const bytes = new Uint8Array(bytesAt(0, 200_000));
  const sent = await client.files.upload({
    file: new Blob([new Uint8Array(bytes)]),
    filename: 'a "quoted" näme.bin',
    operation: "gzip",
    options: { level: 9 },
  });
  expect(sent.filename).toBe('a "quoted" näme.bin');
  expect(sent).toMatchObject({
    size: 200_000,
    sha256: sha256(bytes),
    options: { level: 9 },
    status: "queued",
  });
  expect(await client.files.get(sent.file_id)).toEqual(sent);
  expect((await client.files.list({ status: "queued", limit: 5 })).items).toEqual([sent]);
  const whole = await client.files.content(sent.file_id);
  expect({ sha256: whole.sha256, type: whole.contentType }).toEqual({
    sha256: sha256(bytes),
    type: "application/octet-stream",
  });
  expect(await new Response(whole.body).bytes()).toEqual(bytes);
  const part = await client.files.content(sent.file_id, { range: { start: 5, end: 9 } });
  expect(await new Response(part.body).bytes()).toEqual(bytes.slice(5, 10));
  await client.files.delete(sent.file_id);
  await expect(client.files.get(sent.file_id)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a stream is sent as it is read, under its name", async () => {
  const sent = await client.files.upload({
    file: source(5_000_000),
    filename: 'line\nbreak "quoted" 你好.txt',
    operation: "checksum",
  });
  expect(sent).toMatchObject({ size: 5_000_000, sha256: sha256(bytesAt(0, 5_000_000)), declared_size: null });
  expect(sent.filename).toBe('linebreak "quoted" 你好.txt');
});

test("a stream that fails leaves nothing behind", async () => {
  const file = source(5_000_000, { cutAfter: 1_000_000 });
  const before = await api.keys();
  await expect(client.files.upload({ file, filename: "a", operation: "gzip" })).rejects.toThrow();
  expect(await api.keys()).toEqual(before);
});

test("the same upload under the same key is the same file", async () => {
  const upload = { filename: "a", operation: "gzip", idempotencyKey: "order-7" } as const;
  const first = await client.files.upload({ ...upload, file: new Blob(["x"]) });
  const again = await client.files.upload({ ...upload, file: source(10) });
  expect(again.file_id).toBe(first.file_id);
});

test("waiting ends with the file's end, and its result can be fetched; before, both say so", async () => {
  const sent = await client.files.upload({ file: new Blob(["x"]), filename: "a.txt", operation: "gzip" });
  await expect(client.files.waitFor(sent.file_id, { timeoutMs: 60 })).rejects.toBeInstanceOf(
    FileWaitTimeoutError,
  );
  await expect(client.files.result(sent.file_id)).rejects.toMatchObject({
    code: "FILE_NOT_READY",
    status: 409,
  });
  const key = `results/${sent.file_id}/1`;
  const stored = await api.blobs.write(key, source(10), { bytesMax: 10 });
  const seen: string[] = [];
  const waiting = client.files.waitFor(sent.file_id, { onSight: ({ status }) => void seen.push(status) });
  await completeFile(api.sql, sent.file_id, {
    result: { key, name: "a.txt.gz", content_type: "application/gzip", size: 10, sha256: stored.sha256 },
    summary: null,
    duration_ms: 1,
  });
  expect(await waiting).toMatchObject({ status: "completed", result: { name: "a.txt.gz" } });
  expect(seen.at(-1)).toBe("completed");
  expect(await new Response((await client.files.result(sent.file_id)).body).bytes()).toEqual(
    new Uint8Array(bytesAt(0, 10)),
  );
});

test("what is wrong is an error with the code and the field", async () => {
  const refused = client.files.upload({ file: new Blob(["x"]), filename: "a", operation: "explode" });
  await expect(refused).rejects.toBeInstanceOf(ApiError);
  await expect(refused).rejects.toMatchObject({
    code: "VALIDATION_FAILED",
    errors: [{ path: "/operation" }],
  });
  expect((await client.files.operations()).map(({ operation }) => operation)).toContain("thumbnail");
});

describe("a resumable upload", () => {
  const file = new Blob([new Uint8Array(bytesAt(0, 3_000_000))]);
  const wish = { file, filename: "größer.bin", operation: "gzip", options: { level: 9 } } as const;
  const whole = { size: 3_000_000, sha256: sha256(bytesAt(0, 3_000_000)), options: { level: 9 } };

  /** A client whose n-th requests (from 1) break, before they are answered or in the middle of what they send. */
  const over = (plan: ReadonlyMap<number, Cut>) => {
    const network = cuttingFetch(plan);
    const more = { fetch: network.fetch, random: () => 0 };
    return { network, files: createClient({ baseUrl: api.url, accessToken: api.user.token, ...more }).files };
  };

  test("goes on where the server stands, whatever breaks", async () => {
    // The creation's answer, the first chunk, its repetition's answer, a question, and the last chunk's answer.
    const plan = new Map<number, Cut>([
      ...([
        [1, "answer"],
        [3, "request"],
        [5, "answer"],
        [6, "request"],
        [9, "answer"],
      ] as const),
    ]);
    const { network, files } = over(plan);
    const seen: number[] = [];
    const sent = await files.uploadResumable(wish, {
      chunkBytes: 1_000_000,
      onProgress: (uploaded) => seen.push(uploaded),
    });
    expect(sent).toMatchObject({ ...whole, upload: "tus", filename: "größer.bin", status: "queued" });
    expect(network.cuts()).toBe(5);
    expect(seen.at(-1)).toBe(3_000_000);
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
  });

  test("is gone on with by another process that knows its id", async () => {
    let begun = "";
    const aborted = new AbortController();
    const first = over(new Map()).files.uploadResumable(wish, {
      chunkBytes: 1_000_000,
      signal: aborted.signal,
      onBegun: (fileId) => {
        begun = fileId;
      },
      onProgress: () => aborted.abort(new Error("enough")),
    });
    await expect(first).rejects.toThrow("enough");
    const sent = await over(new Map()).files.uploadResumable(wish, { fileId: begun });
    expect(sent).toMatchObject({ ...whole, file_id: begun });
  });

  test("is given up when nothing moves any more, and at once when the API says no", async () => {
    const dead = over(new Map(Array.from({ length: 20 }, (_, n) => [n + 3, "request"] as const)));
    await expect(dead.files.uploadResumable(wish, { chunkBytes: 1_000_000 })).rejects.toMatchObject({
      name: "UnreachableError",
    });
    expect(dead.network.cuts()).toBe(5);
    const wrong = client.files.uploadResumable({ ...wish, operation: "explode" });
    await expect(wrong).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
    const strangers = createClient({ baseUrl: api.url, accessToken: api.stranger.token });
    const sent = await client.files.uploadResumable(wish);
    const other = strangers.files.uploadResumable(wish, { fileId: sent.file_id });
    await expect(other).rejects.toMatchObject({ code: "HTTP_404" });
  });
});
