import { Moment } from "../../parts/moment.tsx";
import { Panel } from "../../parts/panel.tsx";
import { useLoad } from "../../state/load.ts";
import { getJson } from "../../wire/api.ts";
import { isFailure } from "../../wire/problem.ts";
import type { Task } from "../../wire/shapes.ts";

/** What the API says about waiting; shown as far as it is understood. */
interface Why {
  readonly summary?: string;
  readonly reasons?: readonly {
    readonly code?: string;
    readonly message?: string;
    readonly until?: string | null;
  }[];
}

/** Why it waits; nothing for a task that does not, or an API that cannot say. */
export function WhyPanel({ task }: { readonly task: Task }) {
  const isWaiting = task.status === "pending";
  const path = `/api/tasks/${encodeURIComponent(task.task_id)}/why`;
  const loaded = useLoad(`${path} ${task.phase} ${isWaiting}`, async (signal) => {
    if (!isWaiting) return null;
    return await getJson<Why>(path, signal).catch((error: unknown) => {
      if (isFailure(error, 404, 405, 501)) return null;
      throw error;
    });
  });
  const why = loaded.value;
  if (!isWaiting || why === null || why === undefined) return null;
  return (
    <Panel title="Why it waits">
      {why.summary !== undefined && <p>{why.summary}</p>}
      <ul class="stack">
        {(why.reasons ?? []).map((reason, index) => (
          <li key={index}>
            {reason.message ?? reason.code}
            {reason.until != null && (
              <span class="soft">
                {" "}
                <Moment at={reason.until} isRelative />
              </span>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
