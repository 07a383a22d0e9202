import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** An answer that is an error, by S3's name for it. */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export interface StoredObject {
  readonly path: string;
  readonly bytes: number;
  /** With quotes. */
  readonly etag: string;
  readonly modifiedAt: Date;
  /** `x-amz-meta-…`. */
  readonly meta: Readonly<Record<string, string>>;
}

interface Part {
  readonly path: string;
  readonly bytes: number;
  readonly md5: Buffer;
}

export interface Multipart {
  readonly id: string;
  readonly key: string;
  readonly initiatedAt: Date;
  readonly meta: StoredObject["meta"];
  readonly parts: Map<number, Part>;
}

const PART_BYTES_MIN = 5 * 1024 * 1024;

/** The names are in memory, the bytes in files: the server ends with the run, and 100 MB need not fit beside the tests. */
export class Bucket {
  readonly objects = new Map<string, StoredObject>();
  readonly multiparts = new Map<string, Multipart>();
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  put(key: string, body: Uint8Array, headers: Headers): StoredObject {
    this.#checkConditions(key, headers);
    const { path, md5 } = this.#store(body);
    return this.#replace(key, {
      path,
      bytes: body.byteLength,
      etag: quoted(md5.toString("hex")),
      meta: metaOf(headers),
    });
  }

  /** As S3 does since 2024: so that a name is taken, or a version replaced, only once. */
  #checkConditions(key: string, headers: Headers): void {
    const present = this.objects.get(key);
    const wanted = headers.get("if-match");
    if (wanted !== null && present === undefined) throw new S3Refusal(404, "NoSuchKey");
    if (wanted !== null && present?.etag !== wanted) throw new S3Refusal(412, "PreconditionFailed");
    if (headers.get("if-none-match") === "*" && present !== undefined)
      throw new S3Refusal(412, "PreconditionFailed");
  }

  remove(key: string): void {
    const present = this.objects.get(key);
    if (present !== undefined) rmSync(present.path);
    this.objects.delete(key);
  }

  begin(key: string, headers: Headers): Multipart {
    const multipart: Multipart = {
      ...{ id: crypto.randomUUID(), key, initiatedAt: new Date(), meta: metaOf(headers), parts: new Map() },
    };
    this.multiparts.set(multipart.id, multipart);
    return multipart;
  }

  addPart(multipart: Multipart, number: number, body: Uint8Array): string {
    if (!(number >= 1 && number <= 10_000)) throw new S3Refusal(400, "InvalidArgument");
    const stored = this.#store(body);
    const before = multipart.parts.get(number);
    if (before !== undefined) rmSync(before.path);
    multipart.parts.set(number, { ...stored, bytes: body.byteLength });
    return quoted(stored.md5.toString("hex"));
  }

  complete(
    multipart: Multipart,
    named: readonly { readonly number: number; readonly etag: string }[],
  ): StoredObject {
    const parts = named.map(({ number, etag }, index) => {
      const part = multipart.parts.get(number);
      if (part === undefined || quoted(part.md5.toString("hex")) !== etag)
        throw new S3Refusal(400, "InvalidPart");
      if (index > 0 && number <= (named[index - 1]?.number ?? 0))
        throw new S3Refusal(400, "InvalidPartOrder");
      if (index < named.length - 1 && part.bytes < PART_BYTES_MIN) throw new S3Refusal(400, "EntityTooSmall");
      return part;
    });
    const [first, ...others] = parts;
    if (first === undefined) throw new S3Refusal(400, "MalformedXML");
    for (const { path } of others) appendFileSync(first.path, readFileSync(path));
    const hash = createHash("md5");
    for (const { md5 } of parts) hash.update(md5);
    multipart.parts.delete(named[0]?.number ?? 0);
    this.abort(multipart);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    const etag = quoted(`${hash.digest("hex")}-${parts.length}`);
    return this.#replace(multipart.key, { path: first.path, bytes, etag, meta: multipart.meta });
  }

  abort(multipart: Multipart): void {
    for (const { path } of multipart.parts.values()) rmSync(path);
    this.multiparts.delete(multipart.id);
  }

  multipart(key: string, id: string): Multipart {
    const found = this.multiparts.get(id);
    if (found?.key !== key) throw new S3Refusal(404, "NoSuchUpload");
    return found;
  }

  #replace(key: string, object: Omit<StoredObject, "modifiedAt">): StoredObject {
    this.remove(key);
    const stored = { ...object, modifiedAt: new Date() };
    this.objects.set(key, stored);
    return stored;
  }

  #store(body: Uint8Array): { path: string; md5: Buffer } {
    const path = join(this.#folder, crypto.randomUUID());
    writeFileSync(path, body);
    return { path, md5: createHash("md5").update(body).digest() };
  }
}

function quoted(hex: string): string {
  return `"${hex}"`;
}

function metaOf(headers: Headers): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith("x-amz-meta-")));
}
