import { useState } from "preact/hooks";
import { Confirm } from "../../parts/dialog.tsx";
import { Listing } from "../../parts/listing.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Shown } from "../../parts/nothing.tsx";
import { countWords, rateWords } from "../../parts/words.ts";
import { useLoad } from "../../state/load.ts";
import { carryOut } from "../../state/notices.ts";
import { callApi, getJson } from "../../wire/api.ts";
import type { Limit } from "../../wire/shapes.ts";
import { LimitForm } from "./limit-form.tsx";

/** How fast and how many at once; over all workers. */
export function Limits() {
  const loaded = useLoad("limits", (signal) =>
    getJson<{ readonly items: readonly Limit[] }>("/api/limits", signal),
  );
  const [changed, setChanged] = useState<Limit | "new" | null>(null);
  return (
    <Shown loaded={loaded}>
      {({ items }) => (
        <>
          <Listing
            title="Limits"
            about={
              <button type="button" onClick={() => setChanged("new")}>
                Set a limit …
              </button>
            }
            head={["Name", "Of", "Starts per second", "At once after a pause", "Running at once", "Set", ""]}
            items={items}
            keyOf={({ scope, name }) => `${scope} ${name}`}
            row={(limit) => <LimitRow limit={limit} onChange={setChanged} reload={loaded.reload} />}
            none="Nothing is limited: tasks start as soon as a worker has a slot for them."
          />
          {changed !== null && (
            <LimitForm
              limit={changed === "new" ? null : changed}
              onClose={() => setChanged(null)}
              onSet={loaded.reload}
            />
          )}
        </>
      )}
    </Shown>
  );
}

interface LimitRowProps {
  readonly limit: Limit;
  readonly onChange: (limit: Limit) => void;
  readonly reload: () => void;
}

function LimitRow({ limit, onChange, reload }: LimitRowProps) {
  const [isAsking, setAsking] = useState(false);
  const { scope, name, rate_per_second: rate, burst, max_concurrent: concurrent } = limit;
  const remove = async () => {
    const path = `/api/limits/${scope}/${encodeURIComponent(name)}`;
    if (await carryOut(() => callApi(path, { method: "DELETE" }), `${name} is not limited any more.`))
      reload();
  };
  return (
    <tr>
      <td class="mono">{name}</td>
      <td data-name="of">{scope}</td>
      <td data-name="per second">{rate === null ? "any" : rateWords(rate)}</td>
      <td data-name="burst">{burst === null ? "–" : countWords(burst)}</td>
      <td data-name="at once">{concurrent === null ? "any" : countWords(concurrent)}</td>
      <td data-name="set">
        <Moment at={limit.updated_at} isRelative />
      </td>
      <td>
        <div class="actions">
          <button
            type="button"
            class="plain"
            onClick={() => onChange(limit)}
            aria-label={`Change the limit of ${name}`}
          >
            Change
          </button>
          <button
            type="button"
            class="plain"
            onClick={() => setAsking(true)}
            aria-label={`Remove the limit of ${name}`}
          >
            Remove
          </button>
        </div>
        {isAsking && (
          <Confirm
            title={`Remove the limit of ${name}?`}
            deed="Remove it"
            onConfirm={() => void remove()}
            onClose={() => setAsking(false)}
          >
            <p>What it holds back goes on at once.</p>
          </Confirm>
        )}
      </td>
    </tr>
  );
}
