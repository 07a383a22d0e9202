import { type BreakerEvent, breakerName, Fault, type Identity } from "@millrace/core";
import { type BreakerWords, breakerToWords } from "@millrace/protocol";
import { countParked, orStoreFault } from "@millrace/store";
import { untilHeeded } from "../orders.ts";
import type { Ports } from "../ports.ts";

export type BreakerView = BreakerWords & {
  /** Tasks that wait for it, counted up to a bound. */
  readonly parked: number;
};

/** Those that are not closed, and those that closed a while ago. Throws BUS_UNAVAILABLE, STORE_UNAVAILABLE. */
export async function listBreakers({ control, sql }: Ports): Promise<readonly BreakerView[]> {
  const known = [...(await orBusFault(control.readBreakers())).values()];
  const names = known.map(({ origin }) => breakerName(origin));
  const parked = names.length === 0 ? new Map<string, number>() : await orStoreFault(countParked(sql, names));
  return known
    .map(({ origin, breaker }) => ({
      ...breakerToWords(origin, breaker),
      parked: parked.get(breakerName(origin)) ?? 0,
    }))
    .sort((a, b) => (a.origin < b.origin ? -1 : 1));
}

export interface BreakerOrder {
  readonly origin: string;
  readonly what: "open" | "close" | "reset";
  readonly reason: string | null;
  readonly correlationId: string;
}

/** A breaker, and who does not go by its state yet. */
export type HeededBreaker = BreakerWords & { readonly pending: readonly string[] };

/**
 * An operator's word, for all workers: it stands until the next one. When it resolves, nobody starts a call against it but
 * those who are named. Throws BUS_UNAVAILABLE.
 */
export async function steerBreaker(
  ports: Ports,
  identity: Identity,
  { origin, what, reason, correlationId }: BreakerOrder,
): Promise<HeededBreaker> {
  const nowMs = ports.nowMs();
  const by = `user:${identity.userId}`;
  const event: BreakerEvent =
    what === "reset"
      ? { kind: "reset", nowMs }
      : { kind: "force", to: what === "open" ? "open" : "closed", nowMs, by, reason };
  const breaker = await orBusFault(ports.control.changeBreaker(origin, event));
  ports.log.info("a breaker was steered", {
    ...{ origin, what, reason, state: breaker.kind },
    ...{ user_id: identity.userId, correlation_id: correlationId },
  });
  const pending = await untilHeeded(ports, { kind: "breakers", correlationId });
  return { ...breakerToWords(origin, breaker), pending };
}

async function orBusFault<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (cause) {
    throw new Fault("BUS_UNAVAILABLE", "NATS does not answer, and has the breakers", {
      cause,
      retryAfterS: 1,
    });
  }
}
