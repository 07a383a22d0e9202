import { expect, test } from "bun:test";
import { metadataOf, readWish, type UploadMetadata } from "@millrace/api/uploads/upload-wish";
import { Fault } from "@millrace/core";
import { FILE_OPTIONS_BYTES_MAX } from "@millrace/core/limits";

function problems(metadata: UploadMetadata): readonly string[] {
  try {
    readWish(metadata);
    return [];
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "VALIDATION_FAILED") throw error;
    return error.errors.map(({ path }) => path);
  }
}

test("metadata become a wish, and a wish becomes the same metadata", () => {
  const metadata = { filename: "a.csv", filetype: "text/csv", operation: "gzip", options: '{"level":9}' };
  const wish = readWish(metadata);
  expect(wish).toEqual({
    filename: "a.csv",
    contentType: "text/csv",
    operation: "gzip",
    options: { level: 9 },
  });
  expect(metadataOf(wish)).toEqual(metadata);
});

test("clients that say name and type are understood; what else they add is left alone", () => {
  const wish = readWish({ name: "a.txt", type: "text/plain", relativePath: null, operation: "checksum" });
  expect(wish).toEqual({
    filename: "a.txt",
    contentType: "text/plain",
    operation: "checksum",
    options: null,
  });
});

test("a name is cleaned, and one that is missing is made up", () => {
  expect(readWish({ filename: "../../etc/passwd", operation: "gzip" }).filename).toBe("passwd");
  expect(readWish({ operation: "gzip" }).filename).toBe("file");
  expect(readWish({ operation: "gzip", filetype: "no type" }).contentType).toBe("application/octet-stream");
});

test("each field that is wrong is named, and nothing else", () => {
  expect(problems({})).toEqual(["/metadata/operation"]);
  expect(problems({ operation: null })).toEqual(["/metadata/operation"]);
  expect(problems({ operation: "constructor" })).toEqual(["/metadata/operation"]);
  expect(problems({ operation: "gzip", options: "no JSON" })).toEqual(["/metadata/options"]);
  expect(problems({ operation: "gzip", options: "[]" })).toEqual(["/metadata/options"]);
  expect(problems({ operation: "gzip", options: '{"level":0}' })).toEqual(["/metadata/options/level"]);
  expect(problems({ operation: "gzip", options: '{"x":0}' })).toEqual(["/metadata/options/x"]);
  expect(problems({ operation: "explode", options: "{" })).toEqual([
    "/metadata/operation",
    "/metadata/options",
  ]);
  const long = JSON.stringify({ x: "x".repeat(FILE_OPTIONS_BYTES_MAX) });
  expect(problems({ operation: "gzip", options: long })).toEqual(["/metadata/options"]);
  expect(problems({ operation: "gzip", options: "" })).toEqual([]);
  expect(problems({ operation: "gzip", options: '{"__proto__":1}' })).toEqual(["/metadata/options"]);
});
