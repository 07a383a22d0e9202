import { useState } from "preact/hooks";
import { Badge } from "../../parts/badge.tsx";
import { Listing } from "../../parts/listing.tsx";
import { Moment } from "../../parts/moment.tsx";
import { countWords } from "../../parts/words.ts";
import { useLoad } from "../../state/load.ts";
import { carryOut, say } from "../../state/notices.ts";
import { whole } from "../../state/overview.ts";
import { getJson, sendJson } from "../../wire/api.ts";
import type { Pause } from "../../wire/shapes.ts";
import { SteerDialog } from "./steer-dialog.tsx";

/** Lanes and types of which nothing new starts. */
export function Pauses() {
  const names = whole.value?.paused ?? [];
  const [isAsking, setAsking] = useState(false);
  // The stream has the names; since when, why and how many wait is asked for when these change.
  const { value } = useLoad(`pauses ${names.join(" ")}`, async (signal) =>
    names.length === 0
      ? []
      : (await getJson<{ readonly paused: readonly Pause[] }>("/api/queues", signal)).paused,
  );
  return (
    <>
      <Listing
        title="Pauses"
        about={
          <button type="button" onClick={() => setAsking(true)}>
            Pause a lane or a type …
          </button>
        }
        head={["Name", "State", "Since", "Why", "Parked", ""]}
        items={names}
        keyOf={(name) => name}
        row={(name) => <PauseRow name={name} pause={value?.find((one) => one.name === name)} />}
        none="Nothing is paused."
      />
      {isAsking && (
        <SteerDialog
          title="Pause a lane or a type of task"
          deed="Pause it"
          subject={{ label: "Lane (short, long, file) or type of task", placeholder: "http.request" }}
          onClose={() => setAsking(false)}
          onSteer={async ({ subject, reason }) => {
            const body = reason === "" ? undefined : { reason };
            await sendJson("POST", `/api/queues/${encodeURIComponent(subject)}/pause`, body);
            say("done", `Nothing new of ${subject} starts.`);
          }}
        >
          What runs is finished; nothing new starts on any worker until somebody resumes it.
        </SteerDialog>
      )}
    </>
  );
}

function PauseRow({ name, pause }: { readonly name: string; readonly pause: Pause | undefined }) {
  return (
    <tr>
      <td class="mono">{name}</td>
      <td>
        <Badge word="paused" />
      </td>
      <td data-name="since">
        <Moment at={pause?.paused_at ?? null} isRelative />
      </td>
      <td>{pause?.reason ?? <span class="soft">–</span>}</td>
      <td data-name="parked">{pause?.parked == null ? "–" : countWords(pause.parked)}</td>
      <td>
        <div class="actions">
          <Resume name={name} />
        </div>
      </td>
    </tr>
  );
}

/** Whoever paused it is often not who looks at night. */
export function Resume({ name }: { readonly name: string }) {
  const resume = () =>
    carryOut(
      () => sendJson("POST", `/api/queues/${encodeURIComponent(name)}/resume`, undefined),
      `${name} goes on.`,
    );
  return (
    <button type="button" class="plain" onClick={() => void resume()} aria-label={`Resume ${name}`}>
      Resume
    </button>
  );
}
