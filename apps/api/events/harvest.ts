import { Fault } from "@millrace/core";
import {
  EVENTS_MESSAGE_BYTES_MAX,
  EVENTS_RECORDS_MAX,
  EVENTS_REJECTED_LISTED_MAX,
} from "@millrace/core/limits";
import type { Refusal } from "./judge-record.ts";

/** Events of one request that travel in one message. */
export interface Part {
  /** Lines, several in each where they stood together. The last newline may be missing. */
  readonly runs: readonly Uint8Array[];
  /** With a newline for each line. */
  readonly bytes: number;
  readonly events: number;
  /** Records refused since the part before. */
  readonly rejected: number;
  /** The first record that belongs to a later part: all before it are in this part, in former ones, or refused. */
  readonly nextIndex: number;
}

export interface Rejection extends Refusal {
  /** Of the record in the request, from 0; empty lines do not count. */
  readonly index: number;
}

const NOTHING = new Uint8Array();

/**
 * What becomes of a request's records. Lines that are taken are not copied: neighbours become one slice of the block
 * that they came in. A part is closed by the first line that does not fit, so that the same body gives the same parts,
 * however the network cuts it: that is what makes a repetition with an Idempotency-Key the same messages.
 */
export class Harvest {
  readonly rejections: Rejection[] = [];
  rejectedTotal = 0;
  /** Records seen, refused ones included. */
  records = 0;
  readonly #listedMax: number;
  #block: Uint8Array = NOTHING;
  #runStart = 0;
  #runEnd = -1;
  #runs: Uint8Array[] = [];
  #bytes = 0;
  #events = 0;
  #rejectedBefore = 0;
  #full: Part[] = [];

  /** @param listedMax refused records that are listed; beyond, they are only counted. */
  constructor(listedMax: number = EVENTS_REJECTED_LISTED_MAX) {
    this.#listedMax = listedMax;
  }

  /** The lines that follow are of this block. */
  open(block: Uint8Array): void {
    this.#closeRun();
    this.#block = block;
  }

  /** The line from `start` to before `end` goes on as it is. */
  accept(start: number, end: number): void {
    this.#count();
    const bytes = end - start + 1;
    if (this.#bytes + bytes > EVENTS_MESSAGE_BYTES_MAX) this.#closePart(this.records - 1);
    if (start !== this.#runEnd + 1 || this.#runEnd < 0) {
      this.#closeRun();
      this.#runStart = start;
    }
    this.#runEnd = end;
    this.#bytes += bytes;
    this.#events += 1;
  }

  refuse(refusal: Refusal): void {
    this.#count();
    this.rejectedTotal += 1;
    if (this.rejections.length < this.#listedMax)
      this.rejections.push({ index: this.records - 1, ...refusal });
  }

  /** Parts to be sent; none of them twice. */
  takeFull(): readonly Part[] {
    if (this.#full.length === 0) return this.#full;
    return this.#full.splice(0);
  }

  /** The rest, after the last block. */
  finish(): Part | undefined {
    if (this.#events > 0) this.#closePart(this.records);
    return this.#full.pop();
  }

  #count(): void {
    this.records += 1;
    if (this.records > EVENTS_RECORDS_MAX)
      throw new Fault("BODY_TOO_LARGE", `a request may have ${EVENTS_RECORDS_MAX} events at most`);
  }

  #closeRun(): void {
    if (this.#runEnd >= 0) this.#runs.push(this.#block.subarray(this.#runStart, this.#runEnd));
    this.#runEnd = -1;
  }

  #closePart(nextIndex: number): void {
    this.#closeRun();
    this.#full.push({
      runs: this.#runs,
      bytes: this.#bytes,
      events: this.#events,
      rejected: this.rejectedTotal - this.#rejectedBefore,
      nextIndex,
    });
    this.#rejectedBefore = this.rejectedTotal;
    this.#runs = [];
    this.#bytes = 0;
    this.#events = 0;
  }
}
