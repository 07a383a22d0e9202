import type { Json, Lane } from "@millrace/core";

/** The body of a message in DLQ: a readable copy. The dead letter itself is a row in PostgreSQL. */
export interface DeadLetter {
  readonly task_id: string;
  readonly task_type: string;
  readonly lane: Lane;
  readonly payload: Json;
  /** The number of the attempt that was the last. */
  readonly attempts: number;
  readonly error: { readonly code: string; readonly message: string };
  readonly died_at: string;
  readonly correlation_id: string;
}

export function decodeDeadLetter(body: string): DeadLetter | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("task_id" in value) || !("error" in value))
      return null;
    return value as DeadLetter; // Written by us alone; a reader only shows it.
  } catch {
    return null;
  }
}
