import type { StoredEvent } from "@millrace/client";
import { EXIT } from "../shell/exit-status.ts";
import { printable } from "../shell/printable.ts";
import { positionals, readArguments, wholeOption } from "../shell/read-arguments.ts";
import { withInterrupt } from "../shell/with-interrupt.ts";
import type { Action } from "./action.ts";
import { KIND_OPTIONS, kindsOf } from "./read-filter.ts";
import { showEvent } from "./show-event.ts";

const OPTIONS = {
  ...KIND_OPTIONS,
  q: { type: "string" },
  limit: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const tail: Action = async (events, { args, say, complain, terminal }) => {
  const { values, positionals: rest } = readArguments(args, OPTIONS);
  positionals(rest, []);
  const limit = wholeOption("limit", values.limit) ?? Number.POSITIVE_INFINITY;
  const show = (event: StoredEvent) =>
    values.json ? JSON.stringify(event) : showEvent(event, { isColoured: terminal.isColoured });
  return withInterrupt(async (interrupted) => {
    const signal = AbortSignal.any([interrupted, terminal.isClosed]);
    const filter = { ...kindsOf(values), q: values.q };
    let shown = 0;
    const listeners = {
      onOpen: () => complain(shown === 0 ? "waiting for events; Ctrl-C ends it" : "connected again"),
      onDropped: (dropped: Dropped) => complain(droppedText(dropped)),
      onLost: ({ error, waitMs }: Lost) =>
        complain(
          printable(`${error.message}; again in ${seconds(waitMs)}. What comes meanwhile is not shown.`),
        ),
    };
    for await (const event of events.tail(filter, { signal, ...listeners })) {
      say(show(event));
      shown += 1;
      if (shown >= limit) return EXIT.done;
    }
    return interrupted.aborted ? EXIT.interrupted : EXIT.done;
  });
};

interface Dropped {
  readonly events: number;
  readonly messages: number;
}

interface Lost {
  readonly error: Error;
  readonly waitMs: number;
}

function droppedText({ events, messages }: Dropped): string {
  const parts = [
    ...(events > 0 ? [`${events} events`] : []),
    ...(messages > 0 ? [`${messages} batches that were not looked into`] : []),
  ];
  return `left out, since they came too fast: ${parts.join(" and ")}; a filter helps, and events query has them all`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
