import { type BatchRecord, CopyFailure, isRefusal, type Recorded, recordBatches } from "@millrace/store";
import { findPoison } from "./isolate.ts";
import type { RecorderPorts } from "./ports.ts";
import { type Poison, readMessage, type StreamMessage } from "./read-message.ts";

type StorePorts = Pick<RecorderPorts, "sql" | "log" | "days">;

/**
 * Stores messages, each exactly once, all in one transaction if PostgreSQL takes them. When it refuses something, they are
 * split until the record that it refuses is found: that one is rejected with the reason, and all others are stored.
 *
 * @returns what became of those that the ledger did not know. Throws when PostgreSQL fails for another reason than the
 *   content: then doing it again is harmless, and the only thing to do.
 */
export async function storeMessages(
  ports: StorePorts,
  messages: readonly StreamMessage[],
): Promise<readonly Recorded[]> {
  try {
    return await storeBatches(
      ports,
      messages.map((message) => readMessage(message)),
    );
  } catch (error) {
    if (!isRefusal(error) && !(error instanceof CopyFailure)) throw error;
    const [only] = messages;
    if (messages.length === 1 && only !== undefined) return await storeWithoutPoison(ports, only, error);
    const middle = Math.ceil(messages.length / 2);
    const first = await storeMessages(ports, messages.slice(0, middle));
    return [...first, ...(await storeMessages(ports, messages.slice(middle)))];
  }
}

async function storeBatches(
  ports: StorePorts,
  batches: readonly BatchRecord[],
): Promise<readonly Recorded[]> {
  await ports.days.prepareFor(batches);
  const recorded = await recordBatches(ports.sql, batches);
  for (const { seq, isKeyReused } of recorded)
    if (isKeyReused)
      ports.log.warning("an Idempotency-Key was used for another body; its events are stored", {
        stream_seq: seq,
      });
  return recorded;
}

async function storeWithoutPoison(
  ports: StorePorts,
  message: StreamMessage,
  refusal: unknown,
): Promise<readonly Recorded[]> {
  const poison = await findPoison(ports.sql, message);
  if (poison.size === 0 && !isRefusal(refusal)) throw refusal; // Not the content, then.
  ports.log.error("PostgreSQL refuses records; they are in rejected_events", {
    stream_seq: message.seq,
    records: poison.size,
    error: refusal,
  });
  if (poison.size > 0) {
    try {
      return await storeBatches(ports, [readMessage(message, poison)]);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  // Each line alone is fine, and all together are not: no line can be blamed, so all are kept apart.
  return await storeBatches(ports, [readMessage(message, allOf(refusal))]);
}

/** A reason for every line. */
function allOf(refusal: unknown): Poison {
  const reason = refusal instanceof Error ? refusal.message : String(refusal);
  return { get: () => reason };
}
