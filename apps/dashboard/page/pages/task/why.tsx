import { Link } from "../../parts/link.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Panel } from "../../parts/panel.tsx";
import { useLoad } from "../../state/load.ts";
import { getJson } from "../../wire/api.ts";
import { isFailure } from "../../wire/problem.ts";
import type { Task } from "../../wire/shapes.ts";

interface Why {
  readonly reason: string;
  /** One sentence; times in it are RFC 3339. */
  readonly summary: string;
  readonly details: { readonly parents?: readonly WaitingParent[] };
  readonly checked_at: string;
}

interface WaitingParent {
  readonly task_id: string;
  readonly phase: string;
}

const TIME = /(\d{4}-\d\d-\d\dT[\d:.]+Z)/;

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
    <Panel
      title="Why it waits"
      about={
        <button type="button" class="plain" onClick={loaded.reload}>
          Ask again
        </button>
      }
    >
      <p>
        <Sentence text={why.summary} />
      </p>
      <Parents parents={why.details.parents ?? []} />
      <p class="small soft">
        As of <Moment at={why.checked_at} />
      </p>
    </Panel>
  );
}

/** Times in the viewer's zone, as everywhere. */
function Sentence({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(TIME).map((part) =>
        TIME.test(part) ? (
          <span key={part}>
            <Moment at={part} /> (<Moment at={part} isRelative />)
          </span>
        ) : (
          part
        ),
      )}
    </>
  );
}

function Parents({ parents }: { readonly parents: readonly WaitingParent[] }) {
  return (
    <ul>
      {parents.map(({ task_id: id, phase }) => (
        <li key={id} class="cut">
          <Link to={`/tasks/${encodeURIComponent(id)}`} class="mono">
            {id}
          </Link>{" "}
          <span class="soft">{phase}</span>
        </li>
      ))}
    </ul>
  );
}
