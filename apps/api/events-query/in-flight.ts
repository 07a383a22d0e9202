import { type Bus, readEventsState, readHeadersBehind } from "@millrace/bus";
import { LEDGER_IN_FLIGHT_MESSAGES_MAX } from "@millrace/core/limits";
import { decodeBatchHeader } from "@millrace/protocol/events/index";

/** A message in the stream that the recorder has not acknowledged. */
export interface FlyingMessage {
  readonly seq: number;
  readonly receivedMs: number;
  readonly events: number;
}

export interface InFlight {
  /** All of them. */
  readonly messages: number;
  /** The first ones; some may be recorded already, and only not acknowledged. */
  readonly first: readonly FlyingMessage[];
}

/** What was accepted and waits to be recorded, from the headers of the messages. Throws BUS_UNAVAILABLE. */
export async function readInFlight(bus: Bus): Promise<InFlight> {
  const { unrecorded, ackFloor } = await readEventsState(bus);
  if (unrecorded === 0) return { messages: 0, first: [] };
  const headers = await readHeadersBehind(bus, { afterSeq: ackFloor, limit: LEDGER_IN_FLIGHT_MESSAGES_MAX });
  const first = headers.map(({ seq, storedMs, header }) => {
    const batch = header === undefined ? undefined : decodeBatchHeader(header);
    // Of a message that the api has not written, only the body knows how many lines it has.
    return { seq, receivedMs: batch?.requests[0]?.at ?? storedMs, events: batch?.events ?? 1 };
  });
  return { messages: Math.max(unrecorded, first.length), first };
}
