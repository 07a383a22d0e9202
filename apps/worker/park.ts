import { ack, type Delivery, giveBack } from "@millrace/bus";
import { GroupCommit } from "@millrace/core";
import type { Dispatch } from "@millrace/protocol";
import { type Parking, parkTasks, type Sql } from "@millrace/store";
import { about } from "./about.ts";
import type { WorkerPorts } from "./ports.ts";

const PARK_RETRY_MS = 1_000;

/** Parks deliveries in group commits: a million that wait when their type is paused go by as fast as claims do. */
export class ParkingPlace {
  readonly #group: GroupCommit<Parking, boolean>;

  constructor(sql: Sql) {
    this.#group = new GroupCommit<Parking, boolean>({ commit: (parkings) => parkTasks(sql, parkings) });
  }

  /** False: it is not paused any more, or does not wait for this attempt. */
  park(parking: Parking): Promise<boolean> {
    return this.#group.add(parking);
  }
}

/**
 * Takes a delivery of a paused type out of the way of the others: its task is parked without an attempt, and the message
 * is done with; the scheduler writes another one when the pause ends. False: it is to be run after all.
 */
export async function parkDelivery(
  delivery: Delivery,
  dispatch: Dispatch,
  ports: Pick<WorkerPorts, "bus" | "log" | "parking" | "tell">,
): Promise<boolean> {
  const { seq, attempt, task_type: taskType } = dispatch;
  try {
    if (!(await ports.parking.park({ seq, attempt, taskType }))) return false;
  } catch (error) {
    ports.log.warning("a task could not be parked; its message comes again", { ...about(dispatch), error });
    giveBack(ports.bus, delivery, PARK_RETRY_MS);
    return true;
  }
  ack(ports.bus, delivery);
  ports.tell(dispatch, { status: "pending", phase: "parked" });
  return true;
}
