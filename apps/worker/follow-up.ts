import { ack, publishDeadLetter } from "@millrace/bus";
import type { Dispatch } from "@millrace/protocol";
import { markAnnounced, type Settlement } from "@millrace/store";
import { about } from "./about.ts";
import type { Settled, WorkerPorts } from "./ports.ts";

/**
 * What an outcome causes, after its commit: the message of the next attempt, or the readable copy of a dead letter; then
 * the acknowledgement. If this process dies in between, the reconciler and the announcer of the scheduler do the same.
 */
export async function followUp(settled: Settled, ports: WorkerPorts): Promise<void> {
  const { delivery, dispatch, settlement } = settled;
  try {
    await tellWorld(settled, ports);
  } catch (error) {
    ports.log.warning("what follows from an outcome is left to the scheduler", { ...about(dispatch), error });
  }
  ack(ports.bus, delivery);
  if (settlement.kind === "failed" || settlement.kind === "dead")
    ports.log.info(settlement.kind === "dead" ? "a task is dead" : "an attempt failed", {
      ...about(dispatch),
      error_code: settlement.error_code,
      error_message: settlement.error_message,
    });
}

async function tellWorld({ dispatch, settlement, readyAt }: Settled, ports: WorkerPorts): Promise<void> {
  switch (settlement.kind) {
    case "completed":
      return ports.tell(dispatch, { status: "completed", phase: "done" });
    case "dead":
      ports.tell(dispatch, { status: "failed", phase: "dead" });
      return await bury(dispatch, settlement, ports);
    case "failed":
    case "returned":
      ports.tell(dispatch, {
        status: "pending",
        phase: settlement.kind === "failed" ? "retry_wait" : "queued",
      });
      return await publishNext({ dispatch, settlement, readyAt }, ports);
  }
}

async function publishNext(
  { dispatch, settlement, readyAt }: Omit<Settled, "delivery">,
  ports: WorkerPorts,
): Promise<void> {
  const failures = dispatch.failures + (settlement.kind === "failed" ? 1 : 0);
  const next: Dispatch = { ...dispatch, attempt: dispatch.attempt + 1, failures };
  await ports.publisher.publish([
    readyAt === null ? { dispatch: next } : { dispatch: next, dueAtMs: readyAt.getTime() },
  ]);
}

async function bury(
  dispatch: Dispatch,
  settlement: Extract<Settlement, { kind: "dead" }>,
  ports: WorkerPorts,
): Promise<void> {
  await publishDeadLetter(ports.bus, {
    task_id: dispatch.task_id,
    task_type: dispatch.task_type,
    lane: dispatch.lane,
    payload: dispatch.payload,
    attempts: dispatch.attempt,
    error: { code: settlement.error_code, message: settlement.error_message },
    died_at: new Date().toISOString(),
    correlation_id: dispatch.correlation_id,
  });
  await markAnnounced(ports.sql, [dispatch.seq]);
}
