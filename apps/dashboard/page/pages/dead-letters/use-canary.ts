import { useEffect, useState } from "preact/hooks";
import { followEvents } from "../../wire/sent-events.ts";
import type { Task } from "../../wire/shapes.ts";

export interface Canary {
  readonly taskId: string | null;
  readonly state: "none" | "running" | "completed" | "failed";
  readonly watch: (taskId: string) => void;
}

/** The one that goes first: what becomes of it says whether the others should follow. */
export function useCanary(): Canary {
  const [taskId, setTaskId] = useState<string | null>(null);
  const [state, setState] = useState<Canary["state"]>("none");
  useEffect(() => {
    if (taskId === null) return;
    setState("running");
    return followEvents(`/api/tasks/${encodeURIComponent(taskId)}/stream`, {
      isEndless: false,
      onEvent: ({ name, data }) => {
        if (name !== "task") return;
        const task: Task = JSON.parse(data);
        if (task.status === "completed") setState("completed");
        if (task.status === "failed" || task.status === "cancelled") setState("failed");
      },
    });
  }, [taskId]);
  return { taskId, state, watch: setTaskId };
}
