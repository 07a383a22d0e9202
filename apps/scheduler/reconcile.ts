import { provision, readQueueHead, readTasksStream } from "@millrace/bus";
import { LOST_MESSAGE_GRACE_MS, RECONCILE_TASKS_MAX } from "@millrace/core/limits";
import type { Level } from "@millrace/protocol";
import { listOverdueLevels, listPauses, readStoreClock, takeUnpublished } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";
import { publishAgain } from "./publish-again.ts";

export interface ReconcileOptions {
  /** How long a due task may be on its way to its message, or its message be with a worker that died. */
  readonly graceMs?: number;
}

/**
 * Whatever is due, unclaimed and without a message is published again.
 *
 * JetStream cannot be asked whether it holds a certain task's message, but a level is a queue: when its front, the oldest
 * message never delivered, is younger than a task is due, the queue has passed that task by, and its message is lost.
 * (One that was delivered and not acknowledged comes again within the ack wait; the grace covers it.) So a million
 * tasks that wait behind the front are never looked at, and an idle round is one look into an index. A stream or
 * consumer that was deleted is made anew, and everything that was due before it was made is taken for lost.
 */
export async function reconcile(
  ports: SchedulerPorts,
  { graceMs = LOST_MESSAGE_GRACE_MS }: ReconcileOptions = {},
): Promise<boolean> {
  const stream = await readTasksStream(ports.bus);
  if (stream === null || !stream.hasAllConsumers) {
    const { created } = await provision(ports.bus);
    const what = stream === null ? "the stream TASKS was gone" : "consumers of TASKS were gone";
    ports.log.error(`${what} and had to be made anew; what is missing follows`, { created });
    return true;
  }
  const { createdAt } = stream;
  const now = await readStoreClock(ports.sql);
  const graceEnd = new Date(now.getTime() - graceMs);
  const suspectBefore = createdAt > graceEnd ? createdAt : graceEnd;
  let isMore = false;
  const overdue = await listOverdueLevels(ports.sql, suspectBefore);
  const paused = overdue.length === 0 ? [] : await listPauses(ports.sql);
  for (const level of overdue) {
    // Nobody fetches there, so the front says nothing: what was given back would look lost again and again.
    if (paused.some(({ name, isLane }) => isLane && name === level.lane)) continue;
    const dueBefore = await frontOf(ports, level, { graceMs, graceEnd, createdAt });
    const seqs = await takeUnpublished(ports.sql, { level, dueBefore, limit: RECONCILE_TASKS_MAX });
    const published = await publishAgain(ports, seqs, "lost");
    if (published > 0)
      ports.log.warning("tasks had lost their messages and got new ones", {
        tasks: published,
        ...pick(level),
      });
    isMore ||= seqs.length === RECONCILE_TASKS_MAX;
  }
  return isMore;
}

function pick({ lane, priority }: Level): Level {
  return { lane, priority };
}

interface Times {
  readonly graceMs: number;
  readonly graceEnd: Date;
  readonly createdAt: Date;
}

/** Tasks of the level that were due before this have lost their message, if they have none younger than this. */
async function frontOf(
  ports: SchedulerPorts,
  level: Level,
  { graceMs, graceEnd, createdAt }: Times,
): Promise<Date> {
  const { oldestAt } = await readQueueHead(ports.bus, pick(level));
  const front = oldestAt === null ? graceEnd : new Date(oldestAt.getTime() - graceMs);
  return createdAt > front ? createdAt : front;
}
