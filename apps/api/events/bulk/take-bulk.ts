import { Fault } from "@millrace/core";
import { readWhole } from "../read-lines.ts";
import { takeBuilt } from "../take-built.ts";
import { type Arrival, type EventPorts, hold, senderOf } from "../take-events.ts";
import { readPacking } from "../unpack.ts";
import { eventOfDocument } from "./event-of-document.ts";
import { type BulkAction, readActions } from "./read-actions.ts";

export interface BulkItem {
  readonly status: number;
  readonly _index: string;
  readonly _id?: string;
  readonly result?: "created";
  readonly error?: { readonly type: string; readonly reason: string };
}

export interface BulkAnswer {
  readonly took: number;
  readonly errors: boolean;
  readonly items: readonly Readonly<Record<string, BulkItem>>[];
}

/**
 * A bulk request of Elasticsearch, answered as Elasticsearch would: each operation by itself. Those that were not taken
 * because the stream is full or away have the status 429, on which clients send just these again.
 */
export async function takeBulk(
  ports: EventPorts,
  arrival: Arrival,
  index: string | null,
): Promise<BulkAnswer> {
  const { request } = arrival;
  const sender = senderOf(ports, arrival, "bulk");
  const startMs = performance.now();
  return await hold(ports, async (reservation) => {
    const body = await readWhole({ request, packing: readPacking(request.headers), reservation });
    const actions = readActions(body, index);
    if (actions.length === 0) throw new Fault("BAD_JSON", "the body has no operation");
    reservation.add(body.length); // The lines that are made of it.
    const outcome = await takeBuilt(ports, sender, eventsOf(actions));
    const refusals = new Map(outcome.rejections.map((rejection) => [rejection.index, rejection]));
    const items = actions.map((action, at) => {
      const refusal = refusals.get(at);
      if (at >= outcome.nextIndex && refusal === undefined)
        return itemOf(action, ...notTaken(outcome.failure));
      if (refusal === undefined) return itemOf(action, 201);
      return itemOf(action, 400, {
        type: "document_parsing_exception",
        reason: `${refusal.code}: ${refusal.message}`,
      });
    });
    const errors = refusals.size > 0 || outcome.failure !== undefined;
    return { took: Math.round(performance.now() - startMs), errors, items };
  });
}

function* eventsOf(actions: readonly BulkAction[]) {
  for (const action of actions) yield eventOfDocument(action);
}

function itemOf(action: BulkAction, status: number, error?: BulkItem["error"]): Record<string, BulkItem> {
  const { verb, index, id } = action;
  return {
    [verb]: {
      _index: index ?? "events",
      ...(id !== null && { _id: id }),
      status,
      ...(error === undefined ? { result: "created" } : { error }),
    },
  };
}

/** Clients send again what has the status 429, and nothing else. */
function notTaken(failure: unknown): [status: number, error: BulkItem["error"]] {
  const reason = failure instanceof Fault ? failure.message : "not taken";
  return failure instanceof Fault && failure.code === "IDEMPOTENCY_CONFLICT"
    ? [409, { type: "version_conflict_engine_exception", reason }]
    : [429, { type: "es_rejected_execution_exception", reason }];
}
