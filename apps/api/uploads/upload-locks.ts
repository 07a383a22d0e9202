import type { UploadReleases } from "@millrace/bus";
import { Fault } from "@millrace/core";
import { UPLOAD_LOCK_WAIT_MS_MAX, UPLOAD_LOCK_WAITERS_MAX } from "@millrace/core/limits";

/** How other processes are asked, and answered. */
export type UploadReleasing = Pick<UploadReleases, "ask" | "hold">;

export interface LockHolder {
  /** Somebody waits: called once for each of them. */
  giveWay(): void;
}

interface Holding {
  readonly holder: LockHolder;
  readonly released: Promise<void>;
  waiters: number;
}

/**
 * One request at a time for each upload. Within this process it is a lock; other processes are asked to let go (see
 * `UploadReleases`), and what slips between two that ask at the same moment is stopped by the storage, which takes
 * bytes from one writer only.
 *
 * Whoever holds an upload keeps it while bytes arrive, and gives way when its sender stalls: a connection that is half
 * open costs the next request two seconds, not the time-out of TCP.
 */
export class UploadLocks {
  readonly #releases: UploadReleasing;
  readonly #held = new Map<string, Holding>();

  constructor(releases: UploadReleasing) {
    this.#releases = releases;
  }

  /**
   * @returns what to call to release it
   * @throws Fault UPLOAD_LOCKED
   */
  async acquire(fileId: string, holder: LockHolder): Promise<() => void> {
    const deadlineMs = performance.now() + UPLOAD_LOCK_WAIT_MS_MAX;
    for (let held = this.#held.get(fileId); held !== undefined; held = this.#held.get(fileId))
      await waitFor(held, deadlineMs);
    const { promise: released, resolve } = Promise.withResolvers<void>();
    const holding: Holding = { holder, released, waiters: 0 };
    this.#held.set(fileId, holding);
    const letGo = () => {
      this.#held.delete(fileId);
      resolve();
    };
    try {
      while ((await this.#releases.ask(fileId)) === "busy")
        if (performance.now() >= deadlineMs) throw locked();
      const stopAnswering = this.#releases.hold(fileId, () => {
        holder.giveWay();
        return released;
      });
      return () => {
        stopAnswering();
        letGo();
      };
    } catch (error) {
      letGo();
      throw error;
    }
  }
}

async function waitFor(held: Holding, deadlineMs: number): Promise<void> {
  const leftMs = deadlineMs - performance.now();
  if (leftMs <= 0 || held.waiters >= UPLOAD_LOCK_WAITERS_MAX) throw locked();
  held.waiters += 1;
  held.holder.giveWay();
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, leftMs);
  await Promise.race([held.released, late.promise]);
  clearTimeout(timer);
  held.waiters -= 1;
}

function locked(): Fault {
  return new Fault("UPLOAD_LOCKED", "another request is sending to this upload, or finishing it", {
    retryAfterS: 1,
  });
}
