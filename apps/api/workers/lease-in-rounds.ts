import { LEASE_ROUNDS_MAX, LIMIT_RELEASE_MS } from "@millrace/core/limits";
import type { Leasing } from "@millrace/store";

/**
 * Limits may hold back all that a worker would have had, and behind it may be what they do not: it is asked again, a bounded
 * number of times, and then soon. Each round is a transaction of its own, since it locks its limits in order.
 * `tellHeld` is told for which limits tasks were parked.
 */
export async function leaseInRounds(
  take: () => Promise<Leasing>,
  tellHeld: (name: string) => void,
): Promise<Leasing> {
  for (let round = 1; ; round++) {
    const leasing = await take();
    for (const name of leasing.heldBy) tellHeld(name);
    if (leasing.heldBy.length === 0) return leasing;
    if (leasing.tasks.length > 0 || round >= LEASE_ROUNDS_MAX)
      return { ...leasing, nextDue: new Date(Date.now() + LIMIT_RELEASE_MS) };
  }
}
