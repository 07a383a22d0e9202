import { Fault } from "@millrace/core";
import { UPLOADS_AT_ONCE_MAX, UPLOADS_AT_ONCE_PER_USER_MAX } from "@millrace/core/limits";

const RETRY_AFTER_S = 2;

/**
 * How many uploads this process takes in at once: each holds pieces in memory and a connection. Several processes have
 * their own. The map holds only users with an upload under way, so it is no larger than UPLOADS_AT_ONCE_MAX.
 */
export class UploadSlots {
  readonly #byUser = new Map<number, number>();
  #taken = 0;

  get taken(): number {
    return this.#taken;
  }

  /** The returned function gives the slot back, once. Throws OVERLOADED, and TOO_MANY_REQUESTS for one user's share. */
  take(userId: number): () => void {
    const own = this.#byUser.get(userId) ?? 0;
    if (this.#taken >= UPLOADS_AT_ONCE_MAX)
      throw new Fault("OVERLOADED", `${UPLOADS_AT_ONCE_MAX} uploads are arriving here already`, {
        retryAfterS: RETRY_AFTER_S,
      });
    if (own >= UPLOADS_AT_ONCE_PER_USER_MAX)
      throw new Fault("TOO_MANY_REQUESTS", `${own} of your uploads are arriving already`, {
        retryAfterS: RETRY_AFTER_S,
      });
    this.#taken += 1;
    this.#byUser.set(userId, own + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#taken -= 1;
      const left = (this.#byUser.get(userId) ?? 1) - 1;
      if (left === 0) this.#byUser.delete(userId);
      else this.#byUser.set(userId, left);
    };
  }
}
