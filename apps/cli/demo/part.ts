import type { Client, Fetch } from "@millrace/client";
import type { Board } from "./board.ts";
import type { Counts } from "./counts.ts";

/** What a part is given. */
export interface Stage {
  readonly client: Client;
  /** Another client of the same API, whose connections are not to be relied on. */
  clientOver(fetch: Fetch): Client;
  /** Somebody else, who signs up now. */
  newPerson(): Promise<Client>;
  /** Short and new for each run: begins the ids of all its tasks, so that two demos do not meet. */
  readonly run: string;
  /** Of all dice. The same seed and run fail in the same places. */
  readonly seed: string;
  readonly board: Board;
  /** Aborted when the person has seen enough. */
  readonly signal: AbortSignal;
}

/** A sentence that can be false, and what was seen. */
export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
  /** In a few words: `271 of 300 completed, 29 dead`. */
  readonly seen: string;
}

export interface PartReport {
  readonly counts: Counts;
  readonly claims: readonly Claim[];
}

/** One file in `parts/` is one part. */
export interface Part {
  /** Two or three words, for the summary. */
  readonly name: string;
  /** One line, shown while it runs: what is sent, and what should come of it. */
  readonly story: string;
  run(stage: Stage): Promise<PartReport>;
}

/** Backoff that a person can sit through. */
export const QUICK_BACKOFF = { initial_ms: 50, factor: 2, max_ms: 200 } as const;

/** The demo cannot go on; the message is for the person who watches. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}
