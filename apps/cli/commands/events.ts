import type { Command } from "../command.ts";
import { HISTOGRAM_OPTIONS, histogram } from "../events/histogram.ts";
import { QUERY_OPTIONS, query } from "../events/query.ts";
import { RECEIPT_OPTIONS, receipt } from "../events/receipt.ts";
import { SEND_OPTIONS, send } from "../events/send.ts";
import { TAIL_OPTIONS, tail } from "../events/tail.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { withClient } from "../shell/with-client.ts";

const ACTIONS = { query, tail, send, histogram, receipt } as const;

export const command: Command = {
  summary: "Find events, watch them come in, count them, send some",
  usage: `query|tail|send|histogram|receipt [arguments]

  query      [filter] [span] [--q TEXT] [--limit N] [--cursor C]   events, newest first; TEXT is a part of the message
  tail       [filter] [--q TEXT] [--limit N]                       events as they come in, until Ctrl-C or N are shown
  histogram  [filter] [span] [--interval 5m|1h|1d] [--by type|source|level]   how many, over time
  send       <json>…                                               send these
  send       --type T --message M [--level L] [--source S]         send this one
  send                                                             send one a line (NDJSON) from standard input
             [--key K]                                             sending the same again under K sends nothing twice
             [--wait] [--wait-seconds S]                           until a query finds them (60)
  receipt    <receipt> [--wait] [--wait-seconds S]                 what became of them

  filter     --type T  --source S  --level L
  span       --from TIME  --to TIME: 30s, 15m, 2h or 1d before now, or 2026-01-31T12:00:00Z
  --json     as the API answers; of a tail, one event a line

Examples: millrace events tail --level error
          millrace events query --from 15m --q timeout
          journalctl -o json | jq -c '{type: "journal", message: .MESSAGE}' | millrace events send`,
  takes: {
    actions: {
      query: { options: QUERY_OPTIONS },
      tail: { options: TAIL_OPTIONS },
      send: { options: SEND_OPTIONS },
      histogram: { options: HISTOGRAM_OPTIONS, values: { by: ["type", "source", "level"] } },
      receipt: { options: RECEIPT_OPTIONS },
    },
  },
  run: (input) =>
    withClient(input, async ({ events }) => {
      const [action = "", ...args] = input.args;
      const run = chooseAction("events", action, ACTIONS);
      return run(events, { ...input, args });
    }),
};
