import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openBlobs, type StorageConfig } from "@millrace/blobs";
import { s3PlaceOf } from "@millrace/blobs/s3/s3-place";
import { tempHome } from "../../support/servers.ts";

const S3: StorageConfig = {
  storageUrl: "s3://bucket",
  s3Endpoint: undefined,
  s3Region: "eu-west-1",
  s3AccessKeyId: "id",
  s3SecretAccessKey: "secret",
};

test.each(["file:", "file://"])("%s<folder> is a folder, which is made with its parents", async (scheme) => {
  const folder = join(await tempHome(), "one/two");
  await openBlobs({ ...S3, storageUrl: scheme + folder });
  expect(existsSync(folder)).toBe(true);
});

const place = (url: string, endpoint?: string) =>
  s3PlaceOf({ url, endpoint, region: "eu-west-1", accessKeyId: "id", secretAccessKey: "secret" });

test.each([
  ["s3://bucket", undefined, "https://bucket.s3.eu-west-1.amazonaws.com", ""],
  ["s3://bucket/", undefined, "https://bucket.s3.eu-west-1.amazonaws.com", ""],
  ["s3://my.bucket/a/B_c.d", undefined, "https://s3.eu-west-1.amazonaws.com/my.bucket", "a/B_c.d/"],
  ["s3://bucket/a/", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/bucket", "a/"],
])("%s at %s is %s, prefix %j", (url, endpoint, bucketUrl, prefix) => {
  expect(place(url, endpoint)).toMatchObject({ bucketUrl, prefix });
});

test.each([
  "s3://",
  "s3://b",
  "s3://Bucket",
  "s3://bucket/../x",
  "s3://bucket//x",
  "s3://bucket/a b",
  "s3://bucket?x",
])("%s is refused", async (storageUrl) => {
  await expect(openBlobs({ ...S3, storageUrl })).rejects.toThrow("STORAGE_URL");
});

test("S3 without credentials is refused by the names of the variables", async () => {
  await expect(openBlobs({ ...S3, s3SecretAccessKey: undefined })).rejects.toThrow("S3_SECRET_ACCESS_KEY");
});
