import type { WorkerView } from "@millrace/protocol/overview";
import { useState } from "preact/hooks";
import { Confirm } from "../../parts/dialog.tsx";
import { carryOut } from "../../state/notices.ts";
import { callApi } from "../../wire/api.ts";

/** Workers that speak HTTP can be told to drain, and be removed; our own do it when their process is told to stop. */
export function WorkerActions({ worker }: { readonly worker: WorkerView }) {
  const [asked, setAsked] = useState<"drain" | "remove" | null>(null);
  const { worker_id: id } = worker;
  if (worker.kind === "embedded")
    return (
      worker.status === "active" && <p class="small soft">It drains when its process is told to stop.</p>
    );
  const path = `/api/workers/${encodeURIComponent(id)}`;
  const drain = () =>
    carryOut(() => callApi(`${path}/drain`, { method: "POST" }), `${id} is given nothing new.`);
  const remove = () => carryOut(() => callApi(path, { method: "DELETE" }), `${id} is removed.`);
  return (
    <div class="actions">
      {worker.status === "active" && (
        <button type="button" onClick={() => setAsked("drain")} aria-label={`Drain ${id}`}>
          Drain
        </button>
      )}
      <button type="button" class="plain" onClick={() => setAsked("remove")} aria-label={`Remove ${id}`}>
        Remove
      </button>
      {asked === "drain" && (
        <Confirm
          title={`Drain ${id}?`}
          deed="Drain it"
          onConfirm={() => void drain()}
          onClose={() => setAsked(null)}
        >
          <p>It finishes what it has, and is given nothing new, for good.</p>
        </Confirm>
      )}
      {asked === "remove" && (
        <Confirm
          title={`Remove ${id}?`}
          deed="Remove it"
          onConfirm={() => void remove()}
          onClose={() => setAsked(null)}
        >
          <p>What it still has leased runs elsewhere, and counts as no failure.</p>
        </Confirm>
      )}
    </div>
  );
}
