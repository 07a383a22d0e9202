import type { Metrics } from "@millrace/observe";
import type { HeldBytes } from "./held-bytes.ts";
import type { Parcel } from "./intake.ts";

/** Told each message that is on the disk. */
export type NotePublished = (parcels: readonly Parcel[]) => void;

export function createEventMetrics(metrics: Metrics, held: HeldBytes): NotePublished {
  const accepted = metrics.counter({
    name: "millrace_events_accepted_total",
    help: "Events that were acknowledged after an fsync of the stream.",
    labels: ["door"],
  });
  const refused = metrics.counter({
    name: "millrace_events_refused_total",
    help: "Records that were refused, in requests of which others were accepted.",
    labels: ["door"],
  });
  const messages = metrics.counter({
    name: "millrace_events_messages_total",
    help: "Messages that brought events into the stream; each was one fsync.",
    labels: ["door"],
  });
  metrics.gauge({
    name: "millrace_events_held_bytes",
    help: "Bytes of events being read, or waiting for the stream.",
    collect: (gauge) => gauge.set({}, held.bytes),
  });
  return (parcels) => {
    const [{ door } = { door: "http" } as const] = parcels;
    messages.add({ door });
    accepted.add(
      { door },
      parcels.reduce((sum, { events }) => sum + events, 0),
    );
    const rejected = parcels.reduce((sum, parcel) => sum + parcel.rejected, 0);
    if (rejected > 0) refused.add({ door }, rejected);
  };
}
