import type { BlobPage, Blobs } from "@millrace/blobs";
import {
  BLOB_PAGE_MAX,
  ENDED_FILE_KEPT_MS,
  FILES_ENDED_AT_ONCE,
  FILES_FORGOTTEN_AT_ONCE,
  ORPHAN_AGE_MS,
  ORPHAN_PASS_MS,
  UNFINISHED_BLOB_IDLE_MS,
} from "@millrace/core/limits";
import type { Log } from "@millrace/observe";
import { RESULTS_PREFIX } from "@millrace/protocol/file-operations/index";
import {
  type EndedFile,
  expireUploads,
  findReferencedKeys,
  forgetFiles,
  retireFiles,
  type Sql,
} from "@millrace/store";
import type { SchedulerMetrics } from "./metrics.ts";

export interface FileSweeperOptions {
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly log: Log;
  readonly metrics: Pick<SchedulerMetrics, "swept">;
  /** FILE_RETENTION_DAYS. */
  readonly keptDays: number;
  readonly nowMs: () => number;
}

/**
 * Ends uploads that nobody goes on with and files whose time is over, forgets rows that ended long ago, and removes bytes
 * that nobody may want: of what ended, of what a process that died wrote for nobody, of attempts whose result did not
 * count. Rows first, bytes after: what cannot be removed now, or is forgotten by a death in between, is found as an
 * orphan later. Bytes younger than ORPHAN_AGE_MS are left alone: their row may be on its way.
 * Several may do it: rows are taken by one each, and removing twice is harmless.
 */
export class FileSweeper {
  readonly #options: FileSweeperOptions;
  /** Where the pass over all blobs goes on; undefined between two passes. */
  #pass: { readonly cursor?: string } | undefined;
  #passDueMs = Number.NEGATIVE_INFINITY;

  constructor(options: FileSweeperOptions) {
    this.#options = options;
  }

  /** One round of the duty: true when there is more to do at once. */
  async round(): Promise<boolean> {
    const isMore = await this.#endFiles();
    await this.#sweepPage();
    return isMore;
  }

  async #endFiles(): Promise<boolean> {
    const { sql, keptDays } = this.#options;
    const expired = await expireUploads(sql, FILES_ENDED_AT_ONCE);
    const retired = await retireFiles(sql, { keptDays, limit: FILES_ENDED_AT_ONCE });
    const forgotten = await forgetFiles(sql, { keptMs: ENDED_FILE_KEPT_MS, limit: FILES_FORGOTTEN_AT_ONCE });
    this.#count({ expired: expired.length, retired: retired.length, forgotten });
    for (const file of [...expired, ...retired]) await this.#removeBytesOf(file);
    return expired.length === FILES_ENDED_AT_ONCE || retired.length === FILES_ENDED_AT_ONCE;
  }

  /** A storage that is away must not keep rows from ending: quotas count them. */
  async #removeBytesOf({ fileId, contentKey }: EndedFile): Promise<void> {
    const { blobs, log } = this.#options;
    try {
      await blobs.uploads.discard(contentKey);
      await blobs.remove(contentKey);
      const { items } = await blobs.list({ prefix: `${RESULTS_PREFIX}/${fileId}` });
      for (const { key } of items) await blobs.remove(key);
    } catch (error) {
      log.warning("the bytes of a file that ended are left to a later sweep", { file_id: fileId, error });
    }
  }

  /** One page a round, so that a million blobs take hours and no round takes long. */
  async #sweepPage(): Promise<void> {
    const { blobs, nowMs } = this.#options;
    if (this.#pass === undefined) {
      if (nowMs() < this.#passDueMs) return;
      const { removed } = await blobs.sweep({ idleMs: UNFINISHED_BLOB_IDLE_MS });
      this.#passDueMs = nowMs() + ORPHAN_PASS_MS;
      this.#count({ unfinished: removed });
      this.#pass = {};
    }
    const page = await blobs.list({ ...this.#pass, limit: BLOB_PAGE_MAX });
    this.#count({ orphan: await this.#removeOrphans(page) });
    this.#pass = page.cursor === undefined ? undefined : { cursor: page.cursor };
  }

  async #removeOrphans({ items }: BlobPage): Promise<number> {
    const { sql, blobs, nowMs } = this.#options;
    const sinceMs = nowMs() - ORPHAN_AGE_MS;
    const old = items.filter((item) => item.modifiedAtMs < sinceMs).map((item) => item.key);
    if (old.length === 0) return 0;
    const wanted = await findReferencedKeys(sql, old);
    const orphans = old.filter((key) => !wanted.has(key));
    for (const key of orphans) await blobs.remove(key);
    return orphans.length;
  }

  #count(counts: Readonly<Record<string, number>>): void {
    const done = Object.entries(counts).filter(([, count]) => count > 0);
    for (const [what, count] of done) this.#options.metrics.swept.add({ what }, count);
    if (done.length > 0) this.#options.log.info("files were swept", Object.fromEntries(done));
  }
}
