import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { FILE_BYTES_MAX } from "@millrace/core/limits";
import { findTask } from "@millrace/store";
import { eventually } from "../support/api.ts";
import { bytesAt } from "../support/blobs.ts";
import { type FileApi, startFileApi } from "../support/file-api.ts";
import { FORM_TYPE, fieldPart, filePart, type RawPart, rawForm } from "../support/raw-form.ts";

/** Somebody sends files in one request each, by forms of all kinds. */
let api: FileApi;
beforeAll(async () => {
  api = await startFileApi();
});
afterAll(() => api.close());
let before: readonly string[];
beforeEach(async () => {
  before = await api.keys();
});

const newKeys = async () => (await api.keys()).filter((key) => !before.includes(key));
const sha256 = (bytes: string | Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

async function send(parts: readonly RawPart[], headers: Record<string, string> = {}) {
  const body = new Uint8Array(rawForm(parts));
  const response = await api.user.fetch("POST", "/api/files", {
    body,
    headers: { "Content-Type": FORM_TYPE, ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test("a file is stored, its task is queued and published, and both can be looked up", async () => {
  const content = bytesAt(0, 300_000);
  const { status, headers, body } = await api.user.upload({
    file: new Blob([new Uint8Array(content)]),
    name: "measurements.csv",
    operation: "csv-profile",
    options: { header: false },
  });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    ...{ filename: "measurements.csv", size: 300_000, sha256: sha256(content), status: "queued" },
    ...{ operation: "csv-profile", options: { header: false }, attempts: 0, error: null, result: null },
  });
  expect(body.task_id).toBe(body.file_id);
  expect(headers.get("location")).toBe(`/api/files/${body.file_id}`);
  expect((await api.user.get(`/api/files/${body.file_id}`)).body).toEqual(body);
  expect((await api.user.get(`/api/tasks/${body.task_id}`)).body).toMatchObject({
    ...{ task_type: "file.process", lane: "file", priority: 8, max_attempts: 3, timeout: 120 },
    payload: { content_key: `content/${body.file_id}`, size: 300_000, options: { header: false } },
  });
  await eventually(async () => expect(api.bus.of(String(body.task_id))).toHaveLength(1));
  expect(await newKeys()).toEqual([`content/${body.file_id}`]);
});

const FILE = filePart("some words");
const OPERATION = fieldPart("operation", "text-stats");
const OPTIONS = fieldPart("options", '{"top":3}');

test.each([
  ["before the file", [OPERATION, OPTIONS, FILE]],
  ["after the file", [FILE, OPTIONS, OPERATION]],
  ["on both sides of the file", [OPTIONS, FILE, OPERATION]],
])("the fields may stand %s", async (_, parts) => {
  const { status, body } = await send(parts);
  expect(status).toBe(201);
  expect(body).toMatchObject({ operation: "text-stats", options: { top: 3 }, sha256: sha256("some words") });
});

test.each<[what: string, path: string, parts: readonly RawPart[]]>([
  ["no file", "/file", [OPERATION]],
  ["nothing at all", "/file", []],
  ["a file without a name", "/file", [OPERATION, fieldPart("file", "text")]],
  ["two files", "/file", [OPERATION, FILE, FILE]],
  [
    "a file in another field",
    "/picture",
    [OPERATION, { disposition: 'name="picture"; filename="a"', content: "x" }],
  ],
  ["no operation", "/operation", [FILE]],
  ["an unknown operation before the file", "/operation", [fieldPart("operation", "explode"), FILE]],
  ["an unknown operation after the file", "/operation", [FILE, fieldPart("operation", "explode")]],
  ["an operation that every object has", "/operation", [fieldPart("operation", "constructor"), FILE]],
  ["an operation that comes twice", "/operation", [OPERATION, OPERATION, FILE]],
  ["options that are no JSON", "/options", [OPERATION, fieldPart("options", "{top:3}"), FILE]],
  ["options that are no object", "/options", [OPERATION, fieldPart("options", "[1]"), FILE]],
  [
    "options that are too long",
    "/options",
    [OPERATION, fieldPart("options", `"${"x".repeat(9_000)}"`), FILE],
  ],
  ["an option out of its bounds", "/options/top", [OPERATION, FILE, fieldPart("options", '{"top":0}')]],
  [
    "an option of another operation",
    "/options/level",
    [fieldPart("options", '{"level":1}'), OPERATION, FILE],
  ],
  ["a field that uploads do not have", "/colour", [OPERATION, fieldPart("colour", "red"), FILE]],
])("%s is refused by the name of the field (%s), and leaves nothing behind", async (_, path, parts) => {
  const { status, body } = await send(parts);
  expect({ status, body }).toMatchObject({
    status: 422,
    body: { code: "VALIDATION_FAILED", errors: [{ path }] },
  });
  expect(await newKeys()).toEqual([]);
  expect(await api.states(api.user)).not.toContain("uploading");
});

test.each([
  ["../../etc/passwd", "passwd"],
  ["C:\\temp\\a b.txt", "a b.txt"],
  ["日本語 🦦.txt", "日本語 🦦.txt"],
  ["..", "file"],
  ["", "file"],
  [`${"x".repeat(400)}.csv`, `${"x".repeat(251)}.csv`],
])("a file named %j is shown as %j, and stored under our own key", async (sent, shown) => {
  const { status, body } = await send([filePart("x", sent), OPERATION]);
  expect({ status, shown: body.filename }).toEqual({ status: 201, shown });
  expect(await newKeys()).toEqual([`content/${body.file_id}`]);
});

test("a name in the extended notation is understood", async () => {
  const disposition = "name=\"file\"; filename*=UTF-8''%e2%82%ac%20rates.txt";
  const { body } = await send([{ disposition, content: "x" }, OPERATION]);
  expect(body.filename).toBe("€ rates.txt");
});

test("an empty file is a file", async () => {
  const { status, body } = await send([filePart(""), OPERATION]);
  expect({ status, size: body.size, sha256: body.sha256 }).toEqual({
    status: 201,
    size: 0,
    sha256: sha256(""),
  });
  expect(await newKeys()).toHaveLength(1);
});

describe("what is no form", () => {
  test.each(["application/json", "multipart/form-data", "multipart/mixed; boundary=x", "text/plain"])(
    "is refused by its content type: %s",
    async (type) => {
      const response = await api.user.fetch("POST", "/api/files", {
        body: "x",
        headers: { "Content-Type": type },
      });
      expect({ status: response.status, body: await response.json() }).toMatchObject({
        status: 415,
        body: { code: "UNSUPPORTED_MEDIA_TYPE" },
      });
    },
  );

  test.each([
    ["has no end", rawForm([FILE, OPERATION], "")],
    ["ends in the middle of the file", rawForm([OPERATION, FILE]).subarray(0, -40)],
    ["is something else", Buffer.from("hello")],
  ])("or %s is refused, and leaves nothing behind", async (_, form) => {
    const body = new Uint8Array(form);
    const response = await api.user.fetch("POST", "/api/files", {
      body,
      headers: { "Content-Type": FORM_TYPE },
    });
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 400,
      body: { code: "BAD_REQUEST" },
    });
    expect(await newKeys()).toEqual([]);
    expect(await api.states(api.user)).not.toContain("uploading");
  });
});

test("a file of exactly the largest size is taken, one byte more is refused with the limit", async () => {
  const largest = new Blob([new Uint8Array(FILE_BYTES_MAX)]);
  const taken = await api.user.upload({ file: largest, operation: "checksum" });
  expect({ status: taken.status, size: taken.body.size }).toEqual({ status: 201, size: FILE_BYTES_MAX });
  const refused = await api.user.upload({ file: new Blob([largest, "x"]), operation: "checksum" });
  expect({ status: refused.status, body: refused.body }).toMatchObject({
    status: 413,
    body: { code: "BODY_TOO_LARGE", limit: { bytes: FILE_BYTES_MAX } },
  });
  expect(await newKeys()).toEqual([`content/${taken.body.file_id}`]);
  await api.user.fetch("DELETE", `/api/files/${taken.body.file_id}`);
  expect(await newKeys()).toEqual([]);
});

test("an upload that is repeated with its Idempotency-Key is the same file, and one task", async () => {
  const form = { file: "once", operation: "gzip" };
  const key = { "Idempotency-Key": "upload-17" };
  const first = await api.user.upload(form, key);
  const again = await api.user.upload(form, key);
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.body.file_id).toBe(first.body.file_id);
  expect(await newKeys()).toHaveLength(1);
  expect((await api.stranger.upload(form, key)).status).toBe(201);
  expect((await api.user.upload(form, { "Idempotency-Key": "ü" })).status).toBe(400);
});

test("a task of this type cannot be made without an upload", async () => {
  const response = await api.user.fetch("POST", "/api/tasks", {
    body: JSON.stringify({ task_type: "file.process", payload: { content_key: "content/another" } }),
    headers: { "Content-Type": "application/json" },
  });
  expect({ status: response.status, body: await response.json() }).toMatchObject({
    status: 422,
    body: { errors: [{ path: "/task_type", message: expect.stringContaining("/api/files") }] },
  });
});

test("the operations are listed with their options", async () => {
  const { body } = await api.user.get("/api/files/operations");
  expect(body.items).toContainEqual(
    expect.objectContaining({
      operation: "gzip",
      options: [expect.objectContaining({ option: "level", min: 1, max: 9, default: 6 })],
    }),
  );
  expect(body.items).toHaveLength(6);
});

test("while NATS is away files are taken all the same", async () => {
  api.bus.isDown = true;
  const { status, body } = await api.user.upload({ file: "x", operation: "gzip" });
  api.bus.isDown = false;
  expect(status).toBe(201);
  expect(await findTask(api.sql, String(body.task_id))).toMatchObject({ phase: "queued" });
});
