import { purgeEvents, readEventsState, readStoredEvents } from "@millrace/bus";
import { EVENT_REPLAY_BYTES_MAX } from "@millrace/core/limits";
import { findReplayEdge, findUnrecorded } from "@millrace/store";
import type { RecorderPorts } from "./ports.ts";
import { storeMessages } from "./store-messages.ts";

export interface ReplayWindow {
  /** How long a message stays after it was recorded. */
  readonly ageMs: number;
  readonly bytesMax?: number;
}

/** Messages looked after in one round. */
const UNRECORDED_AT_ONCE = 100;

/**
 * Removes what is recorded and older than the replay window, or does not fit into its bytes. The acknowledgements alone
 * prove nothing, since anybody may acknowledge: what the stream holds and the ledger misses is recorded first.
 *
 * @returns the last sequence that was removed; null when nothing was.
 */
export async function trimStream(ports: RecorderPorts, window: ReplayWindow): Promise<number | null> {
  const { bus, sql } = ports;
  const { firstSeq, ackFloor, bytes } = await readEventsState(bus);
  if (ackFloor < firstSeq) return null;
  const range = { first: firstSeq, last: ackFloor, limit: UNRECORDED_AT_ONCE };
  const missing = await findUnrecorded(sql, range);
  for (const seq of missing) await recordAfterAll(ports, seq);
  // There may be more of them: only what lies before the last one looked at is known.
  const lastMissing = missing.at(-1);
  const isMore = missing.length === UNRECORDED_AT_ONCE && lastMissing !== undefined;
  const edge = await findReplayEdge(sql, {
    firstSeq,
    lastSeq: isMore ? lastMissing : ackFloor,
    ageMs: window.ageMs,
    excessBytes: Math.max(0, bytes - (window.bytesMax ?? EVENT_REPLAY_BYTES_MAX)),
  });
  if (edge === null) return null;
  await purgeEvents(bus, edge);
  return edge;
}

/** Acknowledged, and not in the ledger: by an operator's hand, or it is gone. */
async function recordAfterAll(ports: RecorderPorts, seq: number): Promise<void> {
  const message = await readStoredEvents(ports.bus, seq);
  if (message === null) return; // Gone before it was recorded: the audit tells.
  const recorded = await storeMessages(ports, [message]);
  if (recorded.length > 0)
    ports.log.warning("a message was acknowledged by somebody else, and is recorded now", {
      stream_seq: seq,
    });
}
