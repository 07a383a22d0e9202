import { Fault, type Identity } from "@millrace/core";
import type { Span } from "@millrace/observe";
import { firstDispatch, orStoreFault, triggerSchedule as triggerInStore } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { findScheduleFor } from "./show-schedule.ts";

/** Makes one task of the schedule now, beside its ticks. Returns the task's id. Throws NOT_FOUND. */
export async function triggerSchedule(
  ports: Ports,
  identity: Identity,
  { scheduleId, span }: { readonly scheduleId: string; readonly span?: Span | undefined },
): Promise<string> {
  await findScheduleFor(ports, identity, scheduleId);
  const fired = await orStoreFault(triggerInStore(ports.hotSql, scheduleId, span?.context));
  if (fired === null) throw new Fault("NOT_FOUND", "no such schedule");
  ports.intake.publish([{ dispatch: firstDispatch(fired.task, fired.seq, fired.route) }]);
  return fired.task.task_id;
}
