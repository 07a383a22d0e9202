import { Fault, type Identity } from "@millrace/core";
import type { Span } from "@millrace/observe";
import type { EventDoor } from "@millrace/protocol/events/index";
import { readForm, readIdempotencyKey } from "./events-body.ts";
import { Harvest } from "./harvest.ts";
import type { EventIntake } from "./intake.ts";
import { type EventsBody, readJsonAsLines, readLines } from "./read-lines.ts";
import { type Sender, Sending, type Taken } from "./sending.ts";
import { takeLines } from "./take-lines.ts";
import { type TimeBounds, timeBoundsAt } from "./time-bounds.ts";
import { readPacking } from "./unpack.ts";

export interface EventPorts {
  readonly eventIntake: EventIntake;
  readonly nowMs: () => number;
}

export interface Arrival {
  readonly request: Request;
  readonly identity: Identity;
  readonly correlationId: string;
  /** Of the request; undefined: its trace is not recorded. */
  readonly span?: Span | undefined;
}

/**
 * Takes the events of a request in: the lines that are well-formed go into the stream as they came.
 * @returns once all of them are on the disk. Throws, with `taken` in its members, when only some of them are.
 */
export async function takeEvents(ports: EventPorts, arrival: Arrival): Promise<Taken> {
  const { request } = arrival;
  const form = readForm(request.headers);
  const sender = senderOf(ports, arrival, "http");
  const { nowMs } = ports;
  return await hold(ports, async (reservation) => {
    const body: EventsBody = { request, packing: readPacking(request.headers), reservation };
    const harvest = new Harvest();
    const sending = new Sending(ports.eventIntake, sender, harvest);
    const sink = { harvest, sending, times: timeBoundsAt(nowMs()) };
    try {
      if (form === "lines") await takeBlocks(sink, await readLines(body));
      else await takeJson(sink, body);
      return requireSome(await sending.finish());
    } catch (error) {
      throw await sending.failure(error);
    }
  });
}

/** Throws at once when the broker is away, and before the body is read. */
export async function hold<T>(
  { eventIntake }: EventPorts,
  act: (reservation: EventsBody["reservation"]) => Promise<T>,
): Promise<T> {
  eventIntake.requireOpen();
  const reservation = eventIntake.held.reserve(0);
  try {
    return await act(reservation);
  } finally {
    reservation.release();
  }
}

export function senderOf(
  { nowMs }: EventPorts,
  { request, identity, correlationId, span }: Arrival,
  door: EventDoor,
): Sender {
  return {
    door,
    owner: identity.userId,
    receivedAtMs: nowMs(),
    correlationId,
    ...(span !== undefined && { traceContext: span.context }),
    source: identity.keyName ?? null,
    keyDigest: readIdempotencyKey(request.headers),
  };
}

interface Sink {
  readonly harvest: Harvest;
  readonly sending: Sending;
  readonly times: TimeBounds;
}

async function takeBlocks(sink: Sink, blocks: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const { harvest, sending, times } = sink;
  if (blocks instanceof Uint8Array) takeLines(blocks, harvest, times);
  else
    for await (const block of blocks) {
      takeLines(block, harvest, times);
      for (const part of harvest.takeFull()) await sending.send(part);
    }
  for (const part of harvest.takeFull()) await sending.send(part);
  const rest = harvest.finish();
  if (rest !== undefined) await sending.send(rest);
}

/** A value that is no JSON at all is the request's fault, and not that of a record in it. */
async function takeJson(sink: Sink, body: EventsBody): Promise<void> {
  const { lines, isArray } = await readJsonAsLines(body);
  await takeBlocks(sink, isArray ? slicesOf(lines) : lines);
  const [rejection] = sink.harvest.rejections;
  if (isArray || rejection === undefined) return;
  if (rejection.code === "BAD_JSON") throw new Fault("BAD_JSON", rejection.message);
  if (rejection.code === "EVENT_TOO_LARGE") throw new Fault("BODY_TOO_LARGE", rejection.message);
}

const NEWLINE = 0x0a;
const SLICE_BYTES = 256 * 1024;

/** Whole lines each, so that a large array lets other requests have their turn. */
async function* slicesOf(lines: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf(NEWLINE, Math.min(start + SLICE_BYTES, lines.length));
    const end = newline === -1 ? lines.length : newline + 1;
    yield lines.subarray(start, end);
    start = end;
    if (start < lines.length) await new Promise(setImmediate);
  }
}

/** A request that brought nothing usable is refused as a whole, as somebody with a single event expects. */
function requireSome(taken: Taken): Taken {
  if (taken.accepted > 0) return taken;
  const [first] = taken.rejections;
  if (first === undefined)
    throw new Fault("VALIDATION_FAILED", "there is no event in the body", {
      errors: [{ path: "", message: "needs at least one event" }],
    });
  throw new Fault("VALIDATION_FAILED", `no event was accepted; the first: ${first.message}`, {
    errors: taken.rejections
      .slice(0, ERRORS_MAX)
      .map(({ index, message }) => ({ path: `/${index}`, message })),
    members: { ...answerOf(taken), receipt: undefined },
  });
}

const ERRORS_MAX = 100;

/** What the client hears: `rejected_total` only where the list was cut. */
export function answerOf({ accepted, rejections, rejectedTotal, receipt }: Taken) {
  const isCut = rejectedTotal > rejections.length;
  return { accepted, rejected: rejections, ...(isCut && { rejected_total: rejectedTotal }), receipt };
}
