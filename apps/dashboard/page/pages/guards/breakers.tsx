import type { BreakerWords } from "@millrace/protocol/breaker";
import { useState } from "preact/hooks";
import { Badge } from "../../parts/badge.tsx";
import { Listing } from "../../parts/listing.tsx";
import { Moment } from "../../parts/moment.tsx";
import { countWords } from "../../parts/words.ts";
import { useLoad } from "../../state/load.ts";
import { carryOut, say } from "../../state/notices.ts";
import { whole } from "../../state/overview.ts";
import { getJson, sendJson } from "../../wire/api.ts";
import { SteerDialog } from "./steer-dialog.tsx";

type Order = "open" | "close" | "reset";
type Asked = { readonly order: "open" | "close"; readonly origin: string | null };
type Parked = ReadonlyMap<string, number>;

const NOBODY: Parked = new Map();

/** How each host stands, as it changes; an operator's word goes before what the breaker thinks. */
export function Breakers() {
  const breakers = whole.value?.breakers ?? [];
  const [asked, setAsked] = useState<Asked | null>(null);
  const parked = useParked(breakers);
  return (
    <>
      <Listing
        title="Circuit breakers"
        about={
          <button type="button" onClick={() => setAsked({ order: "open", origin: null })}>
            Stop calls to a host …
          </button>
        }
        head={["Host", "State", "Since", "Why", "Parked", ""]}
        items={breakers}
        keyOf={({ origin }) => origin}
        row={(breaker) => <BreakerRow breaker={breaker} parked={parked} onAsk={setAsked} />}
        none="No host has failed too often in the last hour. One that does appears here by itself."
      />
      {asked !== null && <AskSteer asked={asked} onClose={() => setAsked(null)} />}
    </>
  );
}

interface ParkedView {
  readonly items: readonly { readonly origin: string; readonly parked: number }[];
}

/** How many tasks wait is counted by the database: asked for when a breaker changes, not each second. */
function useParked(breakers: readonly BreakerWords[]): Parked {
  const states = breakers.map(({ origin, state, since }) => `${origin} ${state} ${since}`).join("\n");
  const { value } = useLoad(`parked ${states}`, async (signal) => {
    if (states === "") return NOBODY;
    const { items } = await getJson<ParkedView>("/api/breakers", signal);
    return new Map(items.map(({ origin, parked }) => [origin, parked]));
  });
  return value ?? NOBODY;
}

interface BreakerRowProps {
  readonly breaker: BreakerWords;
  readonly parked: Parked;
  readonly onAsk: (asked: Asked) => void;
}

function BreakerRow({ breaker, parked, onAsk }: BreakerRowProps) {
  const { origin, state, openings, reason, probe_at: probeAt, probe, forced_by: forcedBy } = breaker;
  const waiting = parked.get(origin);
  return (
    <tr>
      <td class="mono">{origin}</td>
      <td>
        <Badge word={state} />
      </td>
      <td data-name="since">
        <Moment at={breaker.since} isRelative />
      </td>
      <td>
        {reason ?? <span class="soft">–</span>}
        <span class="small soft block">
          {forcedBy !== null && `by ${forcedBy}`}
          {openings > 1 && `opened ${openings} times in a row; `}
          {probe !== null && `${probe} tries`}
          {probeAt !== null && (
            <>
              is tried <Moment at={probeAt} isRelative />
            </>
          )}
        </span>
      </td>
      <td data-name="parked">{waiting === undefined ? "–" : countWords(waiting)}</td>
      <td>
        <BreakerActions breaker={breaker} onAsk={onAsk} />
      </td>
    </tr>
  );
}

function BreakerActions({ breaker: { origin, state }, onAsk }: Omit<BreakerRowProps, "parked">) {
  const reset = () =>
    carryOut(() => steer("reset", { subject: origin, reason: "" }), `${origin} is judged by its answers.`);
  return (
    <div class="actions">
      {state !== "forced_open" && (
        <button
          type="button"
          class="plain"
          onClick={() => onAsk({ order: "open", origin })}
          aria-label={`Force open: ${origin}`}
        >
          Force open
        </button>
      )}
      {state !== "forced_closed" && (
        <button
          type="button"
          class="plain"
          onClick={() => onAsk({ order: "close", origin })}
          aria-label={`Force closed: ${origin}`}
        >
          Force closed
        </button>
      )}
      {state !== "closed" && (
        <button type="button" class="plain" onClick={() => void reset()} aria-label={`Reset ${origin}`}>
          Reset
        </button>
      )}
    </div>
  );
}

const DEEDS = {
  open: { title: "Stop calls", deed: "Force it open", done: "Nothing calls" },
  close: { title: "Let calls through", deed: "Force it closed", done: "Calls go through to" },
} as const;

function AskSteer({ asked: { order, origin }, onClose }: { asked: Asked; onClose: () => void }) {
  const { title, deed, done } = DEEDS[order];
  return (
    <SteerDialog
      title={origin === null ? `${title} to a host` : `${title} to ${origin}?`}
      deed={deed}
      onClose={onClose}
      onSteer={async ({ subject, reason }) => {
        await steer(order, { subject: origin ?? subject, reason });
        say("done", `${done} ${origin ?? subject} until somebody says otherwise.`);
      }}
      {...(origin === null && { subject: { label: "Host", placeholder: "https://api.example.org" } })}
    >
      {order === "open"
        ? "Whatever the host answers: tasks that call it are parked, and use up no attempt."
        : "Whatever the host answers: its failures count as attempts of the tasks."}{" "}
      Reset lets the breaker judge by itself again.
    </SteerDialog>
  );
}

interface Steering {
  readonly subject: string;
  readonly reason: string;
}

async function steer(order: Order, { subject, reason }: Steering): Promise<void> {
  const body = reason === "" ? undefined : { reason };
  await sendJson("POST", `/api/breakers/${encodeURIComponent(subject)}/${order}`, body);
}
