import { DEDUP_SWEEP_KEYS_MAX } from "@millrace/core/limits";
import { FIRST_KEY, sweepKeys } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

/**
 * Walks over the keys of dedup and debounce, and takes away those that nobody holds any more. Several schedulers may walk
 * at once. A round that found much goes on at once; with a million keys that are all held, it is one look at two thousand
 * of them every half minute.
 */
export class KeySweeper {
  readonly #ports: Pick<SchedulerPorts, "sql" | "log">;
  #after = FIRST_KEY;

  constructor(ports: Pick<SchedulerPorts, "sql" | "log">) {
    this.#ports = ports;
  }

  /** True: there may be more to take away, and the next round should come at once. */
  async round(): Promise<boolean> {
    const { looked, removed, after } = await sweepKeys(this.#ports.sql, this.#after, DEDUP_SWEEP_KEYS_MAX);
    this.#after = after;
    if (removed > 0) this.#ports.log.debug("keys that nobody holds were taken away", { keys: removed });
    return looked === DEDUP_SWEEP_KEYS_MAX && removed * 2 >= looked;
  }
}
