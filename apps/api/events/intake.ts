import type { EventBatch } from "@millrace/bus";
import { type Fault, GroupCommit } from "@millrace/core";
import { EVENTS_MESSAGE_BYTES_MAX, GROUP_FLIGHTS_MAX } from "@millrace/core/limits";
import { groupSizes, type Metrics } from "@millrace/observe";
import {
  type BatchRequest,
  EVENT_DOORS,
  type EventDoor,
  type Placement,
} from "@millrace/protocol/events/index";
import { createEventMetrics, type NotePublished } from "./event-metrics.ts";
import type { Part } from "./harvest.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { KnownKeys } from "./known-keys.ts";

/** What the api says to the stream EVENTS. */
export interface EventSink {
  /** Undefined: nothing stands in the way. */
  obstacle(): Fault | undefined;
  /** @returns the stream sequence. */
  publish(batch: EventBatch): Promise<number>;
}

/** One part of one request. */
export interface Parcel extends Part {
  readonly door: EventDoor;
  readonly owner: number;
  /** Epoch ms. */
  readonly receivedAtMs: number;
  readonly correlationId: string;
  /** Of the request, where its trace is recorded. */
  readonly traceContext?: string;
  readonly source: string | null;
  /** Set when the request has an Idempotency-Key: which key, and which part. */
  readonly repeatable?: { readonly digest: string; readonly part: number; readonly body: string };
}

/** Requests in one message: their entries make up its header, 150 bytes each. */
const PARCELS_MAX = 1_000;
const REPEATABLE_FLIGHTS_MAX = 4;
/** What waits is bounded in bytes, by HeldBytes; these bounds of the groups are never met. */
const WAITING_BYTES_MAX = Number.POSITIVE_INFINITY;

/**
 * The way of events into the stream. Requests that arrive while others fly share a message, hence an fsync; each gets
 * its answer after the acknowledgement. A request with an Idempotency-Key has its messages to itself, since it is the
 * message that is recognised when it comes again.
 */
export class EventIntake {
  readonly held = new HeldBytes();
  /** Events that were put on the disk since this process began. */
  accepted = 0;
  readonly #sink: EventSink;
  readonly #keys: Pick<KnownKeys, "find">;
  readonly #note: NotePublished;
  readonly #groups: Readonly<Record<EventDoor, GroupCommit<Parcel, Placement>>>;
  readonly #repeatables: GroupCommit<Parcel, Placement>;

  constructor(sink: EventSink, metrics: Metrics, keys: Pick<KnownKeys, "find">) {
    this.#sink = sink;
    this.#keys = keys;
    this.#note = createEventMetrics(metrics, this.held);
    const group = (rowsMax: number, flightsMax: number) =>
      new GroupCommit<Parcel, Placement>({
        commit: (parcels) => this.#publish(parcels),
        onGroup: groupSizes(metrics, "events"),
        rowsMax,
        flightsMax,
        bytesOf: (parcel) => parcel.bytes,
        bytesMax: EVENTS_MESSAGE_BYTES_MAX,
        waitingMax: WAITING_BYTES_MAX,
        waitingBytesMax: WAITING_BYTES_MAX,
      });
    const [http, otlp, bulk] = EVENT_DOORS.map(() => group(PARCELS_MAX, GROUP_FLIGHTS_MAX));
    this.#repeatables = group(1, REPEATABLE_FLIGHTS_MAX);
    this.#groups = { http, otlp, bulk } as Record<EventDoor, GroupCommit<Parcel, Placement>>;
  }

  /** Asked before a body is read. Throws BUS_UNAVAILABLE at once while the broker is away or stalls. */
  requireOpen(): void {
    const obstacle = this.#sink.obstacle();
    if (obstacle !== undefined) throw obstacle;
  }

  /** Resolves once the events are on the disk. Throws what the sink does, and IDEMPOTENCY_CONFLICT. */
  async add(parcel: Parcel): Promise<Placement> {
    const { repeatable, owner, events } = parcel;
    if (repeatable === undefined) return await this.#groups[parcel.door].add(parcel);
    const seq = await this.#keys.find({ owner, ...repeatable });
    return seq === undefined ? await this.#repeatables.add(parcel) : { seq, first: 0, count: events };
  }

  async drain(): Promise<void> {
    await Promise.all([...Object.values(this.#groups), this.#repeatables].map((group) => group.drain()));
  }

  async #publish(parcels: readonly Parcel[]): Promise<readonly Placement[]> {
    const requests: BatchRequest[] = [];
    const causes: string[] = [];
    let events = 0;
    for (const parcel of parcels) {
      if (parcel.traceContext !== undefined) causes.push(parcel.traceContext);
      requests.push(entryOf(parcel, events));
      events += parcel.events;
    }
    const [{ door, owner, repeatable } = { door: "http", owner: 0 } as const] = parcels;
    const seq = await this.#sink.publish({
      door,
      body: bodyOf(parcels),
      events,
      requests,
      ...(causes.length > 0 && { causes }),
      ...(repeatable !== undefined && { repeatable: { owner, ...repeatable } }),
    });
    this.accepted += events;
    this.#note(parcels);
    return requests.map(({ first, count }) => ({ seq, first, count }));
  }
}

function entryOf(parcel: Parcel, first: number): BatchRequest {
  const { repeatable } = parcel;
  return {
    first,
    count: parcel.events,
    owner: parcel.owner,
    at: parcel.receivedAtMs,
    cid: parcel.correlationId,
    source: parcel.source,
    rejected: parcel.rejected,
    ...(repeatable !== undefined && { ik: repeatable.digest, part: repeatable.part, body: repeatable.body }),
  };
}

const NEWLINE = 0x0a;

/** All lines, each with its newline. A single run is sent as it came, without a copy. */
function bodyOf(parcels: readonly Parcel[]): Uint8Array {
  const [first] = parcels;
  const [run] = first?.runs ?? [];
  if (parcels.length === 1 && first?.runs.length === 1 && run !== undefined) return run;
  const body = Buffer.allocUnsafe(parcels.reduce((sum, parcel) => sum + parcel.bytes, 0));
  let at = 0;
  for (const { runs } of parcels)
    for (const run of runs) {
      body.set(run, at);
      at += run.length;
      body[at++] = NEWLINE;
    }
  return body;
}
