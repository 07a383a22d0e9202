import { EVENTS_RECORDS_MAX, EVENTS_UNPACKED_BYTES_MAX } from "@millrace/core/limits";
import type { BuiltEvent } from "./fields.ts";
import { Harvest, type Rejection } from "./harvest.ts";
import type { Refusal } from "./judge-record.ts";
import { type Sender, Sending } from "./sending.ts";
import type { EventPorts } from "./take-events.ts";
import { takeLines } from "./take-lines.ts";
import { timeBoundsAt } from "./time-bounds.ts";

const BLOCK_CHARS = 256 * 1024;

/** What became of records that a front door built, by their place in the request. */
export interface BuiltOutcome {
  /** All that come before this one were taken, or are in `rejections`; later ones were not. */
  readonly nextIndex: number;
  readonly rejections: readonly Rejection[];
  /** Why not all were taken. */
  readonly failure: unknown;
}

/**
 * Takes records in that were not sent as events: they are written as lines here, and then judged like all others.
 * @throws what went wrong, when nothing at all was taken
 */
export async function takeBuilt(
  ports: EventPorts,
  sender: Sender,
  records: Iterable<BuiltEvent | Refusal>,
): Promise<BuiltOutcome> {
  const harvest = new Harvest(EVENTS_RECORDS_MAX);
  const sending = new Sending(ports.eventIntake, sender, harvest);
  const writer = new BlockWriter(harvest, ports.nowMs());
  try {
    for (const record of records) {
      if (!writer.write(record)) continue;
      for (const part of harvest.takeFull()) await sending.send(part);
      await new Promise(setImmediate); // Other requests have their turn.
    }
    writer.flush();
    for (const part of harvest.takeFull()) await sending.send(part);
    const rest = harvest.finish();
    if (rest !== undefined) await sending.send(rest);
    await sending.finish();
    return { nextIndex: harvest.records, rejections: harvest.rejections, failure: undefined };
  } catch (error) {
    const failure = await sending.failure(error);
    if (sending.nextIndex === 0) throw failure;
    return { nextIndex: sending.nextIndex, rejections: harvest.rejections, failure };
  }
}

/** Lines for the harvest, many at a time. */
class BlockWriter {
  readonly #harvest: Harvest;
  readonly #nowMs: number;
  #lines: string[] = [];
  #chars = 0;
  #charsTotal = 0;

  constructor(harvest: Harvest, nowMs: number) {
    this.#harvest = harvest;
    this.#nowMs = nowMs;
  }

  /** @returns whether a block was judged. */
  write(record: BuiltEvent | Refusal): boolean {
    const isFull = this.#charsTotal > EVENTS_UNPACKED_BYTES_MAX;
    if (isFull || "code" in record) {
      this.flush(); // So that records keep their numbers.
      this.#harvest.refuse("code" in record ? record : TOO_MUCH);
      return true;
    }
    const line = JSON.stringify(record);
    this.#charsTotal += line.length;
    this.#lines.push(line);
    this.#chars += line.length;
    if (this.#chars < BLOCK_CHARS) return false;
    this.flush();
    return true;
  }

  flush(): void {
    if (this.#lines.length === 0) return;
    takeLines(Buffer.from(this.#lines.join("\n")), this.#harvest, timeBoundsAt(this.#nowMs));
    this.#lines = [];
    this.#chars = 0;
  }
}

/** What all records of a request share is written into each of them, so a small body can become a large one. */
const TOO_MUCH: Refusal = {
  code: "EVENT_TOO_LARGE",
  message: `with what its records share, a request may have ${EVENTS_UNPACKED_BYTES_MAX} bytes`,
};
