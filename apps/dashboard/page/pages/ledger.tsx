import { useEffect, useRef } from "preact/hooks";
import { Moment } from "../parts/moment.tsx";
import { Nothing, Shown } from "../parts/nothing.tsx";
import { Page, Panel, Scroll } from "../parts/panel.tsx";
import { countWords } from "../parts/words.ts";
import { useLoad } from "../state/load.ts";
import { setWords, word } from "../state/location.ts";
import { whole } from "../state/overview.ts";
import { getJson, queryOf } from "../wire/api.ts";
import type { LedgerMinute, LedgerView } from "../wire/shapes.ts";

const SPANS = [
  ["", "1 hour"],
  ["6", "6 hours"],
  ["24", "24 hours"],
] as const;
const AGAIN_MS = 15_000;

export function Ledger() {
  const hours = word("hours");
  const loaded = useLoad(`ledger ${hours}`, (signal) => {
    const from = new Date(Date.now() - Number(hours === "" ? 1 : hours) * 3_600_000).toISOString();
    return getJson<LedgerView>(`/api/ledger${queryOf({ from })}`, signal);
  });
  useReloadOnFlow(loaded.reload);
  return (
    <Page
      title="Ledger"
      about="Per minute of arrival: accepted = stored + rejected + deduplicated + in flight"
      actions={
        <fieldset class="tabs" aria-label="Span">
          {SPANS.map(([value, name]) => (
            <button
              key={value}
              type="button"
              aria-pressed={hours === value}
              onClick={() => setWords({ hours: value })}
            >
              {name}
            </button>
          ))}
        </fieldset>
      }
    >
      <Shown loaded={loaded}>{(ledger) => <Minutes ledger={ledger} />}</Shown>
    </Page>
  );
}

/** The books change only with what comes in and is stored: while nothing does, nothing is asked. */
function useReloadOnFlow(reload: () => void): void {
  const asOf = useRef(Date.now());
  const isBehind = useRef(false);
  const numbers = whole.value;
  useEffect(() => {
    const { accepted_per_s: accepted, stored_per_s: stored, lag_messages: lag } = numbers?.events ?? {};
    if ((accepted ?? 0) + (stored ?? 0) + (lag ?? 0) > 0) isBehind.current = true;
    if (!isBehind.current || document.hidden || Date.now() - asOf.current < AGAIN_MS) return;
    asOf.current = Date.now();
    isBehind.current = false;
    reload();
  }, [numbers, reload]);
}

function Minutes({ ledger }: { readonly ledger: LedgerView }) {
  if (ledger.minutes.length === 0)
    return (
      <Nothing title="No events came in this span.">
        <span>
          Send some to <code>POST /api/events</code>, or look further back.
        </span>
      </Nothing>
    );
  return (
    <div class="stack">
      <p>
        {ledger.is_even ? (
          <span class="badge good">everything that was accepted is accounted for</span>
        ) : (
          <span class="badge bad square">
            {countWords(ledger.lost_messages)} messages are not accounted for
          </span>
        )}{" "}
        <span class="soft">{countWords(ledger.in_flight_messages)} messages in flight</span>
      </p>
      <Panel title="Minutes" isPadded={false}>
        <Scroll label="Minutes">
          <table>
            <thead>
              <tr>
                {[
                  "Minute",
                  "Accepted",
                  "Stored",
                  "Rejected",
                  "Deduplicated",
                  "In flight",
                  "Refused",
                  "Difference",
                ].map((name, index) => (
                  <th scope="col" key={name} class={index > 0 ? "num" : ""}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {ledger.minutes.toReversed().map((minute) => (
                <Minute key={minute.minute} minute={minute} />
              ))}
            </tbody>
          </table>
        </Scroll>
      </Panel>
    </div>
  );
}

function Minute({ minute }: { readonly minute: LedgerMinute }) {
  const { accepted, stored, rejected, deduplicated, in_flight: inFlight, refused, difference } = minute;
  return (
    <tr>
      <td>
        <Moment at={minute.minute} />
      </td>
      {[accepted, stored, rejected, deduplicated, inFlight, refused].map((count, index) => (
        <td key={index} class="num">
          {count === 0 ? <span class="soft">0</span> : countWords(count)}
        </td>
      ))}
      <td class="num">
        {difference === 0 ? "0" : <span class="badge bad square">{countWords(difference)}</span>}
      </td>
    </tr>
  );
}
