import type { StoredEvent, TailDropped } from "@millrace/client";
import { EXIT } from "../shell/exit-status.ts";
import { printable } from "../shell/printable.ts";
import { positionals, readArguments, wholeOption } from "../shell/read-arguments.ts";
import { withInterrupt } from "../shell/with-interrupt.ts";
import type { Action } from "./action.ts";
import { KIND_OPTIONS, kindsOf } from "./read-filter.ts";
import { showEvent } from "./show-event.ts";

export const TAIL_OPTIONS = {
  ...KIND_OPTIONS,
  q: { type: "string" },
  limit: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const tail: Action = async (events, { args, say, complain, terminal }) => {
  const { values, positionals: rest } = readArguments(args, TAIL_OPTIONS);
  positionals(rest, []);
  const limit = wholeOption("limit", values.limit) ?? Number.POSITIVE_INFINITY;
  const show = (event: StoredEvent) =>
    values.json ? JSON.stringify(event) : showEvent(event, { isColoured: terminal.isColoured });
  return withInterrupt(async (interrupted) => {
    const signal = AbortSignal.any([interrupted, terminal.isClosed]);
    const filter = { ...kindsOf(values), q: values.q };
    const listeners = connectionTeller(complain);
    let shown = 0;
    for await (const event of events.tail(filter, { signal, ...listeners })) {
      say(show(event));
      shown += 1;
      if (shown >= limit) return EXIT.done;
    }
    return interrupted.aborted ? EXIT.interrupted : EXIT.done;
  });
};

/** Says once that the connection stands, is lost, and stands again, however many tries lie in between. */
function connectionTeller(complain: (line: string) => void) {
  let state: "new" | "open" | "lost" = "new";
  return {
    onOpen: () => {
      complain(state === "new" ? "waiting for events; Ctrl-C ends it" : "connected again");
      state = "open";
    },
    onDropped: (dropped: TailDropped) => complain(droppedText(dropped)),
    onLost: ({ error }: { readonly error: Error }) => {
      if (state === "open")
        complain(printable(`${error.message}. What comes until it is back is not shown.`));
      state = "lost";
    },
  };
}

function droppedText({ events, messages }: TailDropped): string {
  const parts = [
    ...(events > 0 ? [`${events} events`] : []),
    ...(messages > 0 ? [`${messages} batches that were not looked into`] : []),
  ];
  return `left out, since they came too fast: ${parts.join(" and ")}; a filter helps, and events query has them all`;
}
