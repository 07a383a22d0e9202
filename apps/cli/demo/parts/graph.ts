import type { Task, TaskRequest } from "@millrace/client";
import { countTasks } from "../counts.ts";
import { followTasks } from "../follow-tasks.ts";
import { type Claim, DemoFailure, type Part, QUICK_BACKOFF, type Stage } from "../part.ts";
import { numberedIds } from "../submit-all.ts";

const ORDERS = 20;
/** A quarter of the charges fail for good. */
const CHARGE_FAILURE_RATE = 0.5;
const CHARGE_ATTEMPTS = 2;
const STEPS = ["reserve", "charge", "pack", "ship", "note"] as const;
type Step = (typeof STEPS)[number];
const PARENTS: Readonly<Record<Step, readonly Step[]>> = {
  reserve: [],
  charge: ["reserve"],
  pack: ["reserve"],
  ship: ["charge", "pack"],
  note: ["ship"],
};

/** Dependencies: nothing starts before its parents have ended, and what becomes of it depends on how they did. */
export const graph: Part = {
  name: "graphs",
  story: `${ORDERS} orders in one transaction: reserve, then charge and pack, then ship, then a note in any case`,
  async run(stage) {
    const orders = numberedIds(`${stage.run}-order`, ORDERS);
    const requests = orders.flatMap((order, index) => tasksOf(stage, order, index));
    const { rejected } = await stage.client.tasks.submitBatch(requests, {
      isAtomic: true,
      signal: stage.signal,
    });
    if (rejected > 0) throw new DemoFailure(`${rejected} tasks of the orders were refused`);
    const ids = requests.flatMap(({ task_id: id }) => id ?? []);
    const tasks = await followTasks(stage, ids);
    const seen = orders.map((order) => ({ order, of: (step: Step) => tasks.get(idOf(order, step)) }));
    return {
      counts: countTasks(tasks.values()),
      claims: [inOrder(seen), resultsPassOn(seen), shippedIfCharged(seen), notedAnyway(seen)],
    };
  },
};

function idOf(order: string, step: Step): string {
  return `${order}-${step}`;
}

function tasksOf({ seed }: Stage, order: string, index: number): readonly TaskRequest[] {
  const quick = { duration_ms: 10, failure_rate: 0 };
  const payloads = {
    reserve: { ...quick, duration_ms: 10 + index },
    charge: { ...quick, failure_rate: CHARGE_FAILURE_RATE, seed },
    // As long as the reservation took: its result, filled in when this one runs.
    pack: { ...quick, duration_ms: `{{tasks.${idOf(order, "reserve")}.result.slept_ms}}` },
    ship: quick,
    note: quick,
  };
  return STEPS.map((step) => ({
    ...{ task_id: idOf(order, step), task_type: "simulate", payload: payloads[step] },
    dependencies: PARENTS[step].map((parent) => idOf(order, parent)),
    ...(step === "charge" && { max_attempts: CHARGE_ATTEMPTS, backoff: QUICK_BACKOFF }),
    ...(step === "note" && { on_parent_failure: "run" }),
  }));
}

interface Order {
  readonly order: string;
  readonly of: (step: Step) => Task | undefined;
}

/** All of them, or the first one of which it is not true. */
function forEach(claim: string, orders: readonly Order[], test: (order: Order) => boolean): Claim {
  const wrong = orders.filter((order) => !test(order));
  const seen =
    wrong.length === 0 ? `${orders.length} orders` : `not so in ${wrong.length}, ${wrong[0]?.order} first`;
  return { claim, holds: wrong.length === 0, seen };
}

function inOrder(orders: readonly Order[]): Claim {
  return forEach("no task starts before all that it depends on have ended", orders, ({ of }) =>
    STEPS.every((step) => {
      const startedAt = of(step)?.started_at ?? null;
      if (startedAt === null) return true; // It failed with its parent.
      return PARENTS[step].every((parent) => {
        const endedAt = of(parent)?.completed_at ?? null;
        return endedAt !== null && Date.parse(startedAt) >= Date.parse(endedAt);
      });
    }),
  );
}

function resultsPassOn(orders: readonly Order[]): Claim {
  return forEach("a child runs with its parent's result", orders, ({ of }) => {
    const [reserved, packed] = [of("reserve")?.result, of("pack")?.result];
    return packed !== null && packed !== undefined && Bun.deepEquals(packed, reserved);
  });
}

function shippedIfCharged(orders: readonly Order[]): Claim {
  const claim = "what was charged is shipped, the rest fails with DEPENDENCY_FAILED";
  const shipped = orders.filter(({ of }) => of("ship")?.status === "completed").length;
  const told = forEach(claim, orders, ({ of }) => {
    const [charge, ship] = [of("charge"), of("ship")];
    if (charge?.status === "completed") return ship?.status === "completed";
    return charge?.status === "failed" && ship?.error?.code === "DEPENDENCY_FAILED" && ship.attempts === 0;
  });
  return told.holds
    ? { ...told, seen: `${shipped} shipped, ${orders.length - shipped} failed with the charge` }
    : told;
}

function notedAnyway(orders: readonly Order[]): Claim {
  const claim = "who is to run anyway runs";
  return forEach(claim, orders, ({ of }) => of("note")?.status === "completed");
}
