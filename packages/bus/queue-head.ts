import { LEVELS, type Level, levelConsumer, levelFilter, TASKS_STREAM } from "@millrace/protocol";
import type { Bus } from "./connect.ts";
import { orMissing } from "./jetstream-answers.ts";

export interface QueueHead {
  /** When the oldest message that was never delivered came into the stream; null when all were delivered. */
  readonly oldestAt: Date | null;
  /** Messages that wait for their first delivery. */
  readonly pending: number;
  /** Messages that were delivered and not acknowledged. */
  readonly ackPending: number;
}

/** Where the front of a level's queue is: what is due since long before it and unclaimed has lost its message. */
export async function readQueueHead(bus: Bus, level: Level): Promise<QueueHead> {
  const info = await bus.manager.consumers.info(TASKS_STREAM, levelConsumer(level));
  const { num_pending: pending, num_ack_pending: ackPending } = info;
  if (pending === 0) return { oldestAt: null, pending, ackPending };
  const first = await bus.manager.direct.getMessage(TASKS_STREAM, {
    seq: info.delivered.stream_seq + 1,
    next_by_subj: levelFilter(level),
  });
  return { oldestAt: first?.time ?? null, pending, ackPending };
}

export interface TasksStream {
  /** Messages published before that are gone. */
  readonly createdAt: Date;
  /** False: a level has lost its consumer, and nobody fetches its tasks. */
  readonly hasAllConsumers: boolean;
}

/** Null when there is no stream. */
export async function readTasksStream(bus: Bus): Promise<TasksStream | null> {
  const info = await orMissing(bus.manager.streams.info(TASKS_STREAM));
  if (info === null) return null;
  // A workqueue stream lets no other consumer overlap with ours, so their number tells.
  return { createdAt: new Date(info.created), hasAllConsumers: info.state.consumer_count >= LEVELS.length };
}
