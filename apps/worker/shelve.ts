import { ack, type Delivery, giveBack, tellLeasable } from "@millrace/bus";
import { GroupCommit } from "@millrace/core";
import { SHELVE_TASKS_MAX, UNKNOWN_TYPE_PAUSE_MS } from "@millrace/core/limits";
import type { Dispatch } from "@millrace/protocol";
import { type Shelving, type Sql, shelveTasks } from "@millrace/store";
import { about } from "./about.ts";
import type { WorkerPorts } from "./ports.ts";

/** Shelves deliveries in group commits: a million of a type that nobody here can run go by as fast as claims do. */
export class Shelf {
  readonly #group: GroupCommit<Shelving, boolean>;

  constructor(sql: Sql) {
    this.#group = new GroupCommit<Shelving, boolean>({
      commit: (shelvings) => shelveTasks(sql, shelvings),
      rowsMax: SHELVE_TASKS_MAX,
    });
  }

  /** False: some worker of the product can run it. */
  shelve(shelving: Shelving): Promise<boolean> {
    return this.#group.add(shelving);
  }
}

/**
 * A delivery of a type that has no handler here. When another worker of the product has one, it is offered again; else it
 * is shelved, for workers over HTTP that are there or will come: its message is done with, and no attempt is counted.
 */
export async function shelveDelivery(
  delivery: Delivery,
  dispatch: Dispatch,
  ports: Pick<WorkerPorts, "bus" | "log" | "shelf">,
): Promise<void> {
  const { seq, task_type: taskType } = dispatch;
  try {
    if (await ports.shelf.shelve({ seq, taskType })) {
      ack(ports.bus, delivery);
      tellLeasable(ports.bus, [taskType]);
      return;
    }
    ports.log.debug("no handler for this task type here", about(dispatch));
  } catch (error) {
    ports.log.warning("a task could not be shelved; its message comes again", { ...about(dispatch), error });
  }
  giveBack(ports.bus, delivery, UNKNOWN_TYPE_PAUSE_MS);
}
