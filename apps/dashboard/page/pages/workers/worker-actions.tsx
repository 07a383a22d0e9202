import type { WorkerView } from "@millrace/protocol/overview";
import { useState } from "preact/hooks";
import { Confirm } from "../../parts/dialog.tsx";
import { carryOut } from "../../state/notices.ts";
import { callApi } from "../../wire/api.ts";

type Action = "drain" | "resume" | "remove";

/** What can be done to a worker in its state. Our own stay until their process is told to stop. */
function actionsFor({ kind, status }: WorkerView): readonly Action[] {
  const steering: readonly Action[] =
    status === "active" ? ["drain"] : status === "draining" ? ["resume"] : [];
  return kind === "http" ? [...steering, "remove"] : steering;
}

const NAMES = { drain: "Drain", resume: "Resume", remove: "Remove" } as const;

export function WorkerActions({ worker }: { readonly worker: WorkerView }) {
  const [asked, setAsked] = useState<Action | null>(null);
  const { worker_id: id } = worker;
  return (
    <div class="actions">
      {actionsFor(worker).map((action) => (
        <button
          key={action}
          type="button"
          class={action === "remove" ? "plain" : ""}
          onClick={() => setAsked(action)}
          aria-label={`${NAMES[action]} ${id}`}
        >
          {NAMES[action]}
        </button>
      ))}
      {asked !== null && (
        <Confirm
          title={`${NAMES[asked]} ${id}?`}
          deed={`${NAMES[asked]} it`}
          onConfirm={() => void carryOutFor(worker, asked)}
          onClose={() => setAsked(null)}
        >
          <p>{consequenceOf(worker, asked)}</p>
        </Confirm>
      )}
    </div>
  );
}

async function carryOutFor({ worker_id: id }: WorkerView, action: Action): Promise<boolean> {
  const path = `/api/workers/${encodeURIComponent(id)}`;
  if (action === "remove")
    return await carryOut(() => callApi(path, { method: "DELETE" }), `${id} is removed.`);
  const given = action === "drain" ? "nothing new" : "tasks again";
  return await carryOut(() => callApi(`${path}/${action}`, { method: "POST" }), `${id} is given ${given}.`);
}

function consequenceOf({ kind }: WorkerView, action: Action): string {
  if (action === "remove") return "What it still has leased runs elsewhere, and counts as no failure.";
  if (action === "resume") return "It is given tasks again, unless it is just leaving.";
  return kind === "http"
    ? "It finishes what it has, and is given nothing new; most leave then."
    : "It finishes what runs and is given nothing new, also when it is started again, until somebody resumes it.";
}
