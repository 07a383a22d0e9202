import { BreakerBoard, type Bus, HeldTeller, type KnownBreaker } from "@millrace/bus";
import type { Random } from "@millrace/core";
import { BREAKER_PROBE_LEASE_MS } from "@millrace/core/limits";
import type { Log, Metrics } from "@millrace/observe";
import { breakerToWords } from "@millrace/protocol";
import type { Sql } from "@millrace/store";
import { createGuards, type Guards } from "./guards.ts";
import { Holdings } from "./holdings.ts";
import { HostBreakers } from "./host-breakers.ts";
import { LimitGuard } from "./limit-guard.ts";

export interface GuardingOptions {
  readonly bus: Bus;
  readonly sql: Sql;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly session: string;
  /** Tasks that this worker may run at once. */
  readonly slots: number;
  readonly random: Random;
}

export interface Guarding {
  readonly ports: { readonly guards: Guards; readonly holdings: Holdings };
  /** After a reconnect: what was told meanwhile was not heard. */
  refresh(): void;
  /** True once limits that changed count here; breakers that changed do already. */
  rereadLimits(): Promise<boolean>;
  /** Gives back what is held and not in use. */
  stop(): Promise<void>;
}

/** What a worker guards its starts with. Resolves when it knows what the others know, or could not learn it. */
export async function startGuards(options: GuardingOptions): Promise<Guarding> {
  const { bus, sql, log, metrics, session, slots, random } = options;
  const changes = metrics.counter({
    name: "millrace_breaker_changes_total",
    help: "Changes of circuit breakers that this process brought about, by the state after.",
    labels: ["state"],
  });
  const held = metrics.counter({
    name: "millrace_tasks_held_total",
    help: "Deliveries whose task was parked by a guard, by its kind (breaker, limit).",
    labels: ["guard"],
  });
  const teller = new HeldTeller(bus);
  const board = new BreakerBoard({
    bus,
    onChange: (known, isOwn) => {
      if (!isOwn || isRenewal(known)) return;
      changes.add({ state: known.breaker.kind });
      tellChange(log, known);
    },
    onFailure: (error) => log.warning("the breakers could not be read or changed", { error }),
  });
  const limits = new LimitGuard({
    ...{ bus, sql, session, slots, teller },
    onFailure: (error) => log.warning("limits could not be read or asked, and are again", { error }),
  });
  const breakers = new HostBreakers({ board, session, slots, random, nowMs: Date.now });
  await Promise.all([board.start(), limits.start()]);
  return {
    ports: {
      guards: createGuards({ sql, breakers, limits }),
      holdings: new Holdings(sql, teller, held),
    },
    refresh: () => {
      void board.refresh();
      void limits.refresh();
    },
    rereadLimits: () => limits.refresh(),
    stop: async () => {
      board.stop();
      await limits.stop();
      teller.flush();
    },
  };
}

/** Only the lease of its probe has changed. */
function isRenewal({ breaker, revision }: KnownBreaker): boolean {
  return (
    breaker.kind === "half_open" &&
    revision > 0 &&
    breaker.leaseUntilMs - breaker.sinceMs > BREAKER_PROBE_LEASE_MS
  );
}

function tellChange(log: Log, { origin, breaker }: KnownBreaker): void {
  const { state, openings, reason, probe_at } = breakerToWords(origin, breaker);
  const fields = { origin, state, openings, reason, probe_at };
  if (breaker.kind === "open") log.warning("a breaker has opened: tasks for this host wait", fields);
  else log.info(`a breaker is ${state.replace("_", " ")}`, fields);
}
