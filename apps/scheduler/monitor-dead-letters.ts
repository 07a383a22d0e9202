import { followDeadLetters } from "@millrace/bus";
import type { SchedulerPorts } from "./ports.ts";

/**
 * Logs every dead letter as one structured line: the line that an operator's alert looks for. Several schedulers share
 * the durable consumer, so each letter is logged by one of them, and again only if that one dies before it says so.
 */
export async function monitorDeadLetters(ports: SchedulerPorts): Promise<() => Promise<void>> {
  return await followDeadLetters(ports.bus, (letter) => {
    ports.metrics.deadLetters.add({ task_type: letter.task_type });
    ports.log.error("dead letter", {
      task_id: letter.task_id,
      task_type: letter.task_type,
      lane: letter.lane,
      attempts: letter.attempts,
      payload: letter.payload,
      error: letter.error,
      died_at: letter.died_at,
      correlation_id: letter.correlation_id,
    });
  });
}
