import type { Chaos } from "./chaos.ts";
import { type CuttingGate, type PlannedCut, startCuttingGate } from "./cutting-gate.ts";
import { untilTrue } from "./running-stack.ts";

const WORKERS = 4;
/** The first messages after a cut: connecting, logging in, claiming, settling, and so on. */
const MESSAGES = 40;

/** Workers that reach one of the servers only through gates of their own. */
export async function addWorkersBehindGates(
  chaos: Chaos,
  variable: "DATABASE_URL" | "NATS_URL",
): Promise<readonly CuttingGate[]> {
  const run = await chaos.stack.run();
  const url = variable === "NATS_URL" ? run.nats_url : run.database_url;
  return await Promise.all(
    Array.from({ length: WORKERS }, async (_, index) => {
      const gate = await startCuttingGate(url);
      await chaos.addWorker(`cut-off-${index}`, { [variable]: gate.reroute(url), MAX_WORKERS: "8" });
      return gate;
    }),
  );
}

/** Each of the first messages is once not sent, and once not answered; dealt out over the gates. */
export function planAllCuts(gates: readonly CuttingGate[]): void {
  const cuts: PlannedCut[] = Array.from({ length: MESSAGES }, (_, index) => index + 1).flatMap((message) => [
    { message, cut: "before" },
    { message, cut: "after" },
  ]);
  for (const [index, gate] of gates.entries())
    gate.plan(cuts.filter((_, position) => position % gates.length === index));
}

/** More tasks at once than all others could hold: each worker must take some, or they would not all be running. */
export async function untilAllWork(chaos: Chaos): Promise<void> {
  const names = [...chaos.extraWorkers.keys()];
  const payload = { duration_ms: 8_000, failure_rate: 0 };
  await chaos.submitAll(
    Array.from({ length: 100 }, (_, index) => ({
      ...{ task_id: `all-work-${index}`, task_type: "simulate", lane: "short", payload },
    })),
  );
  await untilTrue(
    async () => {
      const rows = await chaos.sql<{ claimed_by: string }[]>`
        select distinct claimed_by from open_tasks where claimed_by is not null`;
      return names.every((name) => rows.some((row) => row.claimed_by.startsWith(`${name}~`)));
    },
    30_000,
    "every worker works",
  );
}
