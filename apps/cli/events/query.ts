import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";
import { KIND_OPTIONS, kindsOf } from "./read-filter.ts";
import { readTime } from "./read-time.ts";
import { showEvent } from "./show-event.ts";

export const QUERY_OPTIONS = {
  ...KIND_OPTIONS,
  from: { type: "string" },
  to: { type: "string" },
  q: { type: "string" },
  limit: { type: "string" },
  cursor: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const query: Action = async (events, { args, say, terminal }) => {
  const { values, positionals: rest } = readArguments(args, QUERY_OPTIONS);
  positionals(rest, []);
  const { q, cursor } = values;
  const nowMs = Date.now();
  const page = await events.list({
    ...kindsOf(values),
    ...{ q, cursor, limit: numberOption("limit", values.limit) },
    from: readTime("from", values.from, nowMs),
    to: readTime("to", values.to, nowMs),
  });
  if (values.json) {
    say(JSON.stringify(page));
    return EXIT.done;
  }
  const more = page.next_cursor === null ? "" : `older ones: --cursor ${page.next_cursor}`;
  if (page.items.length > 0)
    say(page.items.map((event) => showEvent(event, { isColoured: terminal.isColoured })).join("\n"));
  else say(more === "" ? "no such event" : "no such event in what was looked through so far");
  if (more !== "") say(`\n${more}`);
  return EXIT.done;
};
