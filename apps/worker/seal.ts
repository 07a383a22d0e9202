import { ack, type Delivery, giveBack } from "@millrace/bus";
import { DEBOUNCE_EARLY_MS_MAX } from "@millrace/core/limits";
import type { Dispatch } from "@millrace/protocol";
import { type Sealed, sealTask } from "@millrace/store";
import { about } from "./about.ts";
import type { WorkerPorts } from "./ports.ts";

const SEAL_RETRY_MS = 1_000;

type SealPorts = Pick<WorkerPorts, "bus" | "log" | "sql" | "publisher">;

/**
 * A debounced task begins: from here on nobody replaces its payload, and the dispatch carries the one that counts. Null: a
 * later submission has put it off, or nobody could tell, and a message comes again.
 */
export async function sealDelivery(
  delivery: Delivery,
  dispatch: Dispatch,
  ports: SealPorts,
): Promise<Dispatch | null> {
  let sealed: Sealed;
  try {
    sealed = await sealTask(ports.sql, dispatch.seq);
    if (sealed.kind === "early") await putOff(delivery, dispatch, { waitMs: sealed.waitMs, ports });
  } catch (error) {
    ports.log.warning("a debounced task could not begin; its message comes again", {
      ...about(dispatch),
      error,
    });
    giveBack(ports.bus, delivery, SEAL_RETRY_MS);
    return null;
  }
  if (sealed.kind === "gone") ack(ports.bus, delivery); // Its day has been dropped.
  if (sealed.kind !== "sealed") return null;
  const { is_debounced: _, ...rest } = dispatch;
  return { ...rest, payload: sealed.payload };
}

interface Early {
  readonly waitMs: number;
  readonly ports: SealPorts;
}

/**
 * Whoever put it off has scheduled a message for the new time; this is the former one, or theirs by a clock that is ahead.
 * It is not simply dropped, because theirs may have been lost with their process.
 */
async function putOff(delivery: Delivery, dispatch: Dispatch, { waitMs, ports }: Early): Promise<void> {
  if (waitMs <= DEBOUNCE_EARLY_MS_MAX) return giveBack(ports.bus, delivery, waitMs);
  await ports.publisher.publish([{ dispatch, dueAtMs: Date.now() + waitMs }]);
  ack(ports.bus, delivery);
}
