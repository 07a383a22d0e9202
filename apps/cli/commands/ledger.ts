import type { Ledger, LedgerMinute } from "@millrace/client";
import type { Command } from "../command.ts";
import { readTime } from "../events/read-time.ts";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import { withClient } from "../shell/with-client.ts";

const OPTIONS = {
  from: { type: "string" },
  to: { type: "string" },
  json: { type: "boolean", default: false },
} as const;
const MINUTE_CHARS = "2026-01-15T12:00".length;

export const command: Command = {
  summary: "Show, minute by minute, that no event was lost",
  usage: `[options]

  --from TIME  30s, 15m, 2h or 1d before now, or 2026-01-31T12:00:00Z (1h)
  --to TIME    (now)
  --json       as the API answers

accepted = stored + rejected + deduplicated + in flight. The exit status is 1 when that does not hold.`,
  takes: { options: OPTIONS },
  run: (input) =>
    withClient(input, async ({ events }) => {
      const { values, positionals: rest } = readArguments(input.args, OPTIONS);
      positionals(rest, []);
      const nowMs = Date.now();
      const from = readTime("from", values.from, nowMs);
      const ledger = await events.ledger({ from, to: readTime("to", values.to, nowMs) });
      input.say(values.json ? JSON.stringify(ledger) : draw(ledger));
      return ledger.is_even ? EXIT.done : EXIT.failed;
    }),
};

const COLUMNS = ["accepted", "stored", "rejected", "deduplicated", "in_flight", "difference"] as const;

function draw({ minutes, ...ledger }: Ledger): string {
  if (minutes.length === 0) return "no event came in";
  const rows = minutes.map((line) => [minuteOf(line), ...COLUMNS.map((name) => String(line[name]))]);
  const totals = COLUMNS.map((name) => String(minutes.reduce((sum, line) => sum + line[name], 0)));
  const heading = ["minute", ...COLUMNS.map((name) => name.replace("_", " "))];
  const table = formatTable(heading, [...rows, ["together", ...totals]]);
  return `${table}\n\n${verdictOf(ledger)}`;
}

function minuteOf({ minute }: LedgerMinute): string {
  return `${minute.slice(0, MINUTE_CHARS)}Z`;
}

function verdictOf(ledger: Omit<Ledger, "minutes">): string {
  const {
    is_even: isEven,
    lost_messages: lost,
    in_flight_messages: inFlight,
    is_partial: isPartial,
  } = ledger;
  const flying =
    inFlight === 0 ? "" : `; ${inFlight} batches are in flight${isPartial ? ", not all counted" : ""}`;
  if (isEven) return `even: everything that was accepted is accounted for${flying}`;
  return `NOT EVEN: ${lost} batches are lost, or a minute does not add up${flying}`;
}
