import { EVENT_PARTS_MAX } from "@millrace/core/limits";

/** Where a part of a request stands in the stream. */
export interface Placement {
  /** Stream sequence of the message. */
  readonly seq: number;
  /** The request's first line in the message, from 0. */
  readonly first: number;
  readonly count: number;
}

const PART = /^[0-9a-z]{1,11}\.[0-9a-z]{1,11}\.[0-9a-z]{1,11}$/;

/** `<seq>.<first>.<count>` in base 36, parts joined by `-`: says where the events are, and needs no table. */
export function encodeReceipt(placements: readonly Placement[]): string {
  return placements
    .map(({ seq, first, count }) => `${seq.toString(36)}.${first.toString(36)}.${count.toString(36)}`)
    .join("-");
}

/** @returns undefined for what no api has given out. */
export function decodeReceipt(receipt: string): readonly Placement[] | undefined {
  const parts = receipt.split("-", EVENT_PARTS_MAX + 1);
  if (parts.length > EVENT_PARTS_MAX || !parts.every((part) => PART.test(part))) return undefined;
  const placements = parts.map((part) => {
    const [seq = 0, first = 0, count = 0] = part.split(".").map((digits) => Number.parseInt(digits, 36));
    return { seq, first, count };
  });
  const areSafe = placements.every(
    ({ seq, first, count }) => Number.isSafeInteger(seq) && seq > 0 && Number.isSafeInteger(first + count),
  );
  return areSafe ? placements : undefined;
}
