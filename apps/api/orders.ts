import { askForOrders, type Bus, type KnownWorker } from "@millrace/bus";
import { ORDER_HEEDED_MS_MAX } from "@millrace/core/limits";
import { type OrderKind, sessionOf } from "@millrace/protocol";
import type { Ports } from "./ports.ts";

export interface Orders {
  /**
   * Resolves when everybody goes by what has been ordered, with the names of those who do not after
   * ORDER_HEEDED_MS_MAX: workers' ids, and `api:` with the instance of an api process. Of workers, `workerId` alone when
   * it is given. Never rejects.
   */
  untilHeeded(kind: OrderKind, workerId?: string): Promise<readonly string[]>;
}

export interface OrdersOptions {
  readonly workers: () => readonly KnownWorker[];
  /** Instances of the api processes that live: each has workers over HTTP that lease there. */
  readonly apis: () => readonly string[];
  readonly waitMs?: number;
}

/** Who is not alive by its heartbeats and pulses is not waited for; neither are workers over HTTP, which start what they leased. */
export function busOrders(bus: Bus, options: OrdersOptions): Orders {
  const { workers, apis, waitMs = ORDER_HEEDED_MS_MAX } = options;
  return {
    untilHeeded: async (kind, workerId) => {
      const names = new Map<string, string>(apis().map((instance) => [instance, `api:${instance}`]));
      for (const { beat, liveness } of workers())
        if (
          beat.owner_id === undefined &&
          liveness === "alive" &&
          (workerId ?? beat.worker_id) === beat.worker_id
        )
          names.set(sessionOf(beat.worker_id, beat.session), beat.worker_id);
      const silent = await askForOrders(bus, { kind, expected: names.keys(), waitMs });
      return silent.map((by) => names.get(by) ?? by).sort();
    },
  };
}

export interface HeedWish {
  readonly kind: OrderKind;
  readonly workerId?: string;
  readonly correlationId: string;
}

/** The same, told in the log. */
export async function untilHeeded(
  { orders, log }: Pick<Ports, "orders" | "log">,
  { kind, workerId, correlationId }: HeedWish,
): Promise<readonly string[]> {
  const pending = await orders.untilHeeded(kind, workerId);
  if (pending.length > 0)
    log.warning("an order stands, and not everybody has said that they go by it; they read it later", {
      ...{ kind, pending, correlation_id: correlationId },
    });
  return pending;
}
