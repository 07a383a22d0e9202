import { LEVELS, type Level, levelConsumer, TASKS_STREAM } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

export interface LevelDepth extends Level {
  /** Messages that wait for their first delivery. */
  readonly pending: number;
  /** Messages that were delivered and not acknowledged: tasks that run. */
  readonly delivered: number;
}

const LEVEL_OF = new Map(LEVELS.map((level) => [levelConsumer(level), level]));

/** How many messages wait at every lane and priority, in one request of a page or two. Rejects when NATS is away. */
export async function readLevelDepths(bus: Bus): Promise<readonly LevelDepth[]> {
  const depths: LevelDepth[] = [];
  for await (const info of bus.manager.consumers.list(TASKS_STREAM)) {
    const level = LEVEL_OF.get(info.name);
    if (level !== undefined)
      depths.push({ ...level, pending: info.num_pending, delivered: info.num_ack_pending });
  }
  return depths;
}
