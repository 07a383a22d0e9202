/**
 * Bytes under keys. A key is made by us (`isBlobKey`), never by a user: no file name comes near a file system.
 * Everything here throws the fault STORAGE_UNAVAILABLE when the storage is away, and STORAGE_FULL when it has no room.
 */
export interface Blobs {
  /**
   * Takes the source to its end. The key exists only once all bytes are there, and durable; when the source fails, the
   * signal fires or the process dies, nothing is left but what `sweep` removes. Of several writers of one key one wins,
   * whole. Throws BODY_TOO_LARGE, the source's own error, or the signal's reason.
   */
  write(key: string, source: ByteSource, options: WriteOptions): Promise<WrittenBlob>;
  /** Undefined when there is no such blob. Throws RangeError for a range that starts beyond the end: see `range.ts`. */
  read(key: string, options?: ReadOptions): Promise<BlobReading | undefined>;
  stat(key: string): Promise<BlobStat | undefined>;
  /** Harmless when there is none. After a power cut a removed blob may be back: whoever lists orphans finds it. */
  remove(key: string): Promise<void>;
  /** In a fixed order; what is written or removed meanwhile may be in it or not. */
  list(options?: ListOptions): Promise<BlobPage>;
  /**
   * The path of the blob's own file, for readers that need one; undefined when there is no such blob. Never to be written
   * to; what has it open reads on when the blob is removed. Absent where blobs are no files of this machine.
   */
  readonly localPath?: (key: string) => Promise<string | undefined>;
  /**
   * As `write`, of a file of this machine that is whole: it becomes the blob, and nothing is copied. Whatever goes wrong,
   * the file is gone then. Undefined: it lies where it cannot be moved from, and stays as it is. Absent as `localPath` is.
   */
  readonly adopt?: (key: string, path: string, options: WriteOptions) => Promise<WrittenBlob | undefined>;
  readonly uploads: Uploads;
  /**
   * Removes what is unfinished and was not written to for `idleMs`: writes that died, uploads that nobody goes on with.
   * Must be longer than any write takes and any upload may pause, and leave room for clocks that differ.
   */
  sweep(options: { readonly idleMs: number }): Promise<{ readonly removed: number }>;
  /** For health checks: resolves when blobs can be written now, throws a fault otherwise. */
  checkHealth(): Promise<void>;
}

/**
 * A blob that arrives in several requests, possibly through several processes. Its key is that of the blob to be, and
 * is used once. All state is in the storage: any process can go on.
 */
export interface Uploads {
  /** Harmless when it was begun already. */
  begin(key: string): Promise<void>;
  /** Bytes kept so far: where to go on. Undefined when there is no such upload. */
  offset(key: string): Promise<number | undefined>;
  /**
   * Adds the source at the offset, which must be that of the upload. When the source fails, the signal fires or there
   * are more than `bytesMax` bytes, then what came before is kept and durable, and the error is thrown.
   */
  append(key: string, source: ByteSource, options: AppendOptions): Promise<AppendOutcome>;
  /**
   * Makes the upload the blob of that key. Undefined when there is neither. Doing it again gives the same answer, so
   * that whoever dies between this and noting it down can repeat it.
   */
  finish(key: string): Promise<WrittenBlob | undefined>;
  /** Harmless when there is none. */
  discard(key: string): Promise<void>;
}

/**
 * A ReadableStream of Bun's, a Readable of Node's, a generator. Taken chunk by chunk, no faster than it is stored. A chunk
 * may be looked at until the next one is asked for, and is copied if need be.
 */
export interface ByteSource extends AsyncIterable<Uint8Array> {
  /** Where it is there, each chunk may be looked at until it is given back with this, in any order: no copy is made. */
  readonly giveBack?: (chunk: Uint8Array) => void;
}

export interface WriteOptions {
  /** More bytes than this are refused with BODY_TOO_LARGE, as soon as they come. */
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface AppendOptions extends WriteOptions {
  readonly offset: number;
}

export type AppendOutcome =
  | { readonly kind: "appended"; readonly offset: number }
  /** The offset was another, or somebody else appends at this moment. Nothing was changed. */
  | { readonly kind: "conflict"; readonly offset: number }
  | { readonly kind: "missing" };

export interface WrittenBlob {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

export interface ReadOptions {
  readonly range?: ByteRange | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** From `start`, up to and with `end`; an end beyond that of the blob, or none, means to its end. As in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number | undefined;
}

export interface BlobReading {
  /** Of the whole blob. */
  readonly bytes: number;
  /** What the stream gives: `length` bytes from `start`. */
  readonly start: number;
  readonly length: number;
  /** To be read to its end or cancelled: it may hold a file open. It fails when the blob is no longer what it was. */
  readonly stream: ReadableStream<Uint8Array>;
}

export interface BlobStat {
  readonly bytes: number;
  readonly modifiedAtMs: number;
}

export interface ListOptions {
  /** Only keys below this one: "files/7" gives "files/7/content", not "files/77". */
  readonly prefix?: string | undefined;
  /** The `cursor` of the page before. */
  readonly cursor?: string | undefined;
  /** At most BLOB_PAGE_MAX, which is also the default. */
  readonly limit?: number | undefined;
}

export interface BlobPage {
  readonly items: readonly (BlobStat & { readonly key: string })[];
  /** Absent on the last page. */
  readonly cursor?: string;
}
