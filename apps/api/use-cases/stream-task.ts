import { Fault, type Identity } from "@millrace/core";
import type { TaskRecord } from "@millrace/store";
import { type EventStream, eventStream } from "../live/event-stream.ts";
import type { Ports } from "../ports.ts";
import { viewTask } from "../tasks/view-task.ts";
import { findTaskFor } from "./show-task.ts";

/** Live messages may get lost; this often a watched task is looked up in any case. */
const LOOK_EVERY_MS = 15_000;

/**
 * Follows one task: `task` with all of it at first and whenever it changes, `progress` in between, and the end of the
 * stream after its end. Throws NOT_FOUND, OVERLOADED.
 */
export async function streamTask(ports: Ports, identity: Identity, taskId: string): Promise<Response> {
  const first = await findTaskFor(ports, identity, taskId);
  return eventStream({
    draining: ports.draining,
    start: (stream) => follow(ports, { identity, first, stream }),
  });
}

/** Changes whenever something happened that is worth an event; progress has events of its own. */
function standingOf({ phase, attempts, runningAttempt, nextAttemptAt }: TaskRecord): string {
  return `${phase} ${attempts} ${runningAttempt} ${nextAttemptAt?.getTime()}`;
}

interface Following {
  readonly identity: Identity;
  readonly first: TaskRecord;
  readonly stream: EventStream;
}

function follow(ports: Ports, { identity, first, stream }: Following): () => void {
  let isLooking = false;
  let isStale = false;
  let shown = "";
  const show = (task: TaskRecord): void => {
    const standing = standingOf(task);
    if (standing !== shown) stream.send("task", viewTask(task, ports.live));
    shown = standing;
    if (task.completedAt !== null) stream.close();
  };
  /** One look at a time, and one more for all that happened meanwhile. */
  const look = async (): Promise<void> => {
    isStale = true;
    if (isLooking) return;
    isLooking = true;
    try {
      while (isStale) {
        isStale = false;
        show(await findTaskFor(ports, identity, first.taskId));
      }
    } catch (error) {
      if (error instanceof Fault && error.code === "NOT_FOUND") return stream.close(); // Its days are over.
      ports.log.debug("a watched task could not be looked up", { task_id: first.taskId, error });
    } finally {
      isLooking = false;
    }
  };
  const unwatch = ports.live.watch(first.seq, {
    onStep: () => void look(),
    onProgress: ({ attempt, progress, note }) => {
      stream.send("progress", {
        task_id: first.taskId,
        attempt,
        progress,
        ...(note !== undefined && { note }),
      });
    },
  });
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  show(first);
  void look(); // Whatever happened before the watch began.
  return () => {
    clearInterval(timer);
    unwatch();
  };
}
