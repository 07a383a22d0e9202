import type { HistoryBucket, OverviewRates, RunQuantiles } from "@millrace/protocol/overview";
import type { HistoryRow } from "@millrace/store/tasks/count-overview";
import { RunTimes } from "./run-times.ts";

export const BUCKET_MS = 10_000;
export const HISTORY_MS = 3_600_000;
const BUCKETS = HISTORY_MS / BUCKET_MS;
const RATE_MS = 60_000;
const SHARE_MS = 300_000;

const MOVEMENTS = {
  submitted: "submitted",
  completed: "completed",
  dead: "failed",
  failed: "retried",
} as const;

export type Movement = "submitted" | "completed" | "failed" | "retried";

interface Bucket {
  readonly startMs: number;
  submitted: number;
  completed: number;
  failed: number;
  retried: number;
  pending: number | null;
  running: number | null;
  readonly runTimes: RunTimes;
}

/** The last hour, in buckets of ten seconds: a ring in memory. */
export class History {
  readonly #buckets = new Map<number, Bucket>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  note(movement: Movement, count: number): void {
    this.#now()[movement] += count;
  }

  noteRunTime(ms: number): void {
    this.#now().runTimes.add(ms);
  }

  noteDepth(depth: { readonly pending: number; readonly running: number }): void {
    const bucket = this.#now();
    bucket.pending = depth.pending;
    bucket.running = depth.running;
  }

  /** As somebody else counted it, a while ago perhaps; what was counted here is newer. */
  noteDepthTold(depth: { readonly pending: number; readonly running: number }): void {
    if (this.#now().pending === null) this.noteDepth(depth);
  }

  /**
   * What happened while nobody listened, as the database has it now. Of a bucket of which a part was heard, whichever
   * says more is right: the other one began later, or knows less.
   */
  fillIn(rows: readonly HistoryRow[]): void {
    const read = new Map<number, Bucket>();
    for (const { startMs, kind, bin, count } of rows) {
      const bucket = read.get(startMs) ?? emptyBucket(startMs);
      read.set(startMs, bucket);
      bucket[MOVEMENTS[kind]] += count;
      if (bin !== null) bucket.runTimes.addCounted(bin, count);
    }
    for (const [startMs, bucket] of read)
      this.#buckets.set(startMs, fuller(bucket, this.#buckets.get(startMs)));
    this.#forgetOld();
  }

  /** What moved is in the database, and is read anew; how much waited is nowhere else. */
  forgetMovements(): void {
    for (const [startMs, { pending, running }] of this.#buckets)
      this.#buckets.set(startMs, { ...emptyBucket(startMs), pending, running });
  }

  /** @param count the newest so many; all when absent. Oldest first, without holes. */
  view(count = BUCKETS): readonly HistoryBucket[] {
    const last = this.#start();
    return Array.from({ length: count }, (_, index) => {
      const startMs = last - (count - 1 - index) * BUCKET_MS;
      return viewOf(this.#buckets.get(startMs) ?? emptyBucket(startMs));
    });
  }

  sums(): Readonly<Record<Movement, number>> {
    return this.#sumsSince(HISTORY_MS);
  }

  /** Means over the last minute, or over the time since the first bucket when that is shorter. */
  rates(): OverviewRates {
    const { submitted, completed, failed, retried } = this.#sumsSince(RATE_MS);
    const seconds = (RATE_MS - BUCKET_MS + (this.#nowMs() - this.#start())) / 1_000;
    const perSecond = (count: number) => Math.round((count / seconds) * 100) / 100;
    return {
      submitted_per_s: perSecond(submitted),
      completed_per_s: perSecond(completed),
      failed_per_s: perSecond(failed),
      retried_per_s: perSecond(retried),
    };
  }

  runTimes(): RunQuantiles {
    const all = new RunTimes();
    for (const bucket of this.#since(SHARE_MS)) all.addAll(bucket.runTimes);
    return quantilesOf(all);
  }

  errorRate(): number | null {
    const { completed, failed, retried } = this.#sumsSince(SHARE_MS);
    const ended = completed + failed + retried;
    return ended === 0 ? null : (failed + retried) / ended;
  }

  #sumsSince(spanMs: number): Record<Movement, number> {
    const sums = { submitted: 0, completed: 0, failed: 0, retried: 0 };
    for (const bucket of this.#since(spanMs)) {
      sums.submitted += bucket.submitted;
      sums.completed += bucket.completed;
      sums.failed += bucket.failed;
      sums.retried += bucket.retried;
    }
    return sums;
  }

  #since(spanMs: number): readonly Bucket[] {
    const first = this.#start() - spanMs + BUCKET_MS;
    return [...this.#buckets.values()].filter(({ startMs }) => startMs >= first);
  }

  #start(): number {
    return Math.floor(this.#nowMs() / BUCKET_MS) * BUCKET_MS;
  }

  #now(): Bucket {
    const startMs = this.#start();
    const known = this.#buckets.get(startMs);
    if (known !== undefined) return known;
    const bucket = emptyBucket(startMs);
    this.#buckets.set(startMs, bucket);
    this.#forgetOld();
    return bucket;
  }

  #forgetOld(): void {
    const oldest = this.#start() - HISTORY_MS;
    for (const startMs of this.#buckets.keys()) if (startMs <= oldest) this.#buckets.delete(startMs);
  }
}

function emptyBucket(startMs: number): Bucket {
  const counts = { submitted: 0, completed: 0, failed: 0, retried: 0 };
  return { startMs, ...counts, pending: null, running: null, runTimes: new RunTimes() };
}

function fuller(read: Bucket, heard: Bucket | undefined): Bucket {
  if (heard === undefined) return read;
  const most = (movement: Movement) => Math.max(read[movement], heard[movement]);
  return {
    ...heard,
    submitted: most("submitted"),
    completed: most("completed"),
    failed: most("failed"),
    retried: most("retried"),
    runTimes: read.runTimes.count > heard.runTimes.count ? read.runTimes : heard.runTimes,
  };
}

function viewOf({ startMs, runTimes, ...rest }: Bucket): HistoryBucket {
  return { start: new Date(startMs).toISOString(), ...rest, ...quantilesOf(runTimes) };
}

function quantilesOf(times: RunTimes): RunQuantiles {
  return { p50: times.quantile(0.5), p95: times.quantile(0.95), p99: times.quantile(0.99) };
}
