import { BLOB_PAGE_MAX, HEALTH_TIMEOUT_MS } from "@millrace/core/limits";
import type {
  BlobPage,
  BlobReading,
  BlobStat,
  Blobs,
  ByteSource,
  ListOptions,
  ReadOptions,
  WriteOptions,
  WrittenBlob,
} from "../blobs.ts";
import { requireKey } from "../key.ts";
import { listObjects } from "./list-objects.ts";
import { Names } from "./names.ts";
import { bytesOf, readObject } from "./read-object.ts";
import { RETRY_RULE, type RetryRule, S3Requests } from "./requests.ts";
import type { S3Place } from "./s3-place.ts";
import { S3Uploads } from "./s3-uploads.ts";
import { sweepUnfinished } from "./sweep.ts";
import { writeObject } from "./write-object.ts";

/** Connects to nothing yet. */
export function openS3Blobs(place: S3Place, rule: RetryRule = RETRY_RULE): Blobs {
  return new S3Blobs(place, rule);
}

class S3Blobs implements Blobs {
  readonly uploads: S3Uploads;
  readonly #names: Names;
  readonly #requests: S3Requests;
  /** A health check that retries would only be late. */
  readonly #impatient: S3Requests;

  constructor(place: S3Place, rule: RetryRule) {
    this.#names = new Names(place.prefix);
    this.#requests = new S3Requests(place, rule);
    this.#impatient = new S3Requests(place, { ...rule, attemptsMax: 1, requestMsMax: HEALTH_TIMEOUT_MS });
    this.uploads = new S3Uploads(this.#requests, this.#names);
  }

  async write(key: string, source: ByteSource, options: WriteOptions): Promise<WrittenBlob> {
    requireKey(key);
    return writeObject(this.#requests, { name: this.#names.blob(key), source }, options);
  }

  async read(key: string, options: ReadOptions = {}): Promise<BlobReading | undefined> {
    requireKey(key);
    return readObject(this.#requests, this.#names.blob(key), options);
  }

  async stat(key: string): Promise<BlobStat | undefined> {
    requireKey(key);
    const head = await this.#requests.send({
      method: "HEAD",
      name: this.#names.blob(key),
      expects: [200, 404],
    });
    if (head.status === 404) return undefined;
    return { bytes: bytesOf(head), modifiedAtMs: Date.parse(head.headers.get("last-modified") ?? "") };
  }

  async remove(key: string): Promise<void> {
    requireKey(key);
    await this.#requests.send({ method: "DELETE", name: this.#names.blob(key), expects: [200, 204, 404] });
  }

  async list({ prefix, cursor, limit = BLOB_PAGE_MAX }: ListOptions = {}): Promise<BlobPage> {
    if (prefix !== undefined) requireKey(prefix);
    const { objects, isCut } = await listObjects(this.#requests, {
      prefix: this.#names.blobs + (prefix === undefined ? "" : `${prefix}/`),
      after: cursor === undefined ? undefined : this.#names.blob(cursor),
      limit: Math.min(limit, BLOB_PAGE_MAX),
    });
    const items = objects.map(({ name, ...found }) => ({ key: this.#names.keyOfBlob(name), ...found }));
    const last = items.at(-1);
    return isCut && last !== undefined ? { items, cursor: last.key } : { items };
  }

  async sweep({ idleMs }: { readonly idleMs: number }): Promise<{ readonly removed: number }> {
    return { removed: await sweepUnfinished(this.#requests, this.#names, Date.now() - idleMs) };
  }

  async checkHealth(): Promise<void> {
    await listObjects(this.#impatient, { prefix: this.#names.blobs, after: undefined, limit: 1 });
  }
}
