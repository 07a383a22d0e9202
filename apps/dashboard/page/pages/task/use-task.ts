import { useEffect, useState } from "preact/hooks";
import { type Loaded, useLoad } from "../../state/load.ts";
import { onSteps } from "../../state/overview.ts";
import { getJson } from "../../wire/api.ts";
import { followEvents } from "../../wire/sent-events.ts";
import type { Attempt, Task } from "../../wire/shapes.ts";

export interface WatchedTask {
  readonly loaded: Loaded<Task>;
  readonly attempts: readonly Attempt[];
  /** What its handler said last about its progress. */
  readonly note: string | null;
}

interface ProgressNotice {
  readonly progress: number;
  readonly note?: string;
}

/** One task as it goes on, by its own stream; once it has ended, only a retry can wake it. */
export function useTask(taskId: string): WatchedTask {
  const path = `/api/tasks/${encodeURIComponent(taskId)}`;
  const loaded = useLoad(path, (signal) => getJson<Task>(path, signal));
  const [note, setNote] = useState<string | null>(null);
  const { change, value } = loaded;
  const isOpen = value?.status === "pending" || value?.status === "running";
  useEffect(() => {
    if (!isOpen) return;
    return followEvents(`${path}/stream`, {
      isEndless: false,
      onEvent: ({ name, data }) => {
        if (name === "task") change(() => JSON.parse(data));
        if (name !== "progress") return;
        const told: ProgressNotice = JSON.parse(data);
        change((task) => ({ ...task, progress: told.progress }));
        setNote(told.note ?? null);
      },
    });
  }, [path, isOpen, change]);
  useWakeUp(taskId, isOpen, loaded.reload);
  const standing = `${path} ${value?.phase} ${value?.attempts}`;
  const attempts = useLoad(standing, (signal) =>
    getJson<{ readonly items: readonly Attempt[] }>(`${path}/attempts`, signal),
  );
  const [shown, setShown] = useState<readonly Attempt[]>([]);
  useEffect(() => {
    if (attempts.state === "ready") setShown(attempts.value.items);
  }, [attempts.state, attempts.value]);
  return { loaded, attempts: shown, note };
}

/** It was retried, here or elsewhere. */
function useWakeUp(taskId: string, isOpen: boolean, reload: () => void): void {
  useEffect(() => {
    if (isOpen) return;
    return onSteps(({ steps }) => {
      if (steps.some(({ task_id: id }) => id === taskId)) reload();
    });
  }, [taskId, isOpen, reload]);
}
