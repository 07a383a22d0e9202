import type { FileConfig } from "./stream-files.ts";

export interface Drift {
  /** `stream TASKS` or `consumer TASKS/short-p5`. */
  readonly what: string;
  /** Fields that differ, with what the file says and what the server has. */
  readonly fields: readonly { readonly name: string; readonly wanted: unknown; readonly found: unknown }[];
  /** Set when it stays as it was found, or is not simply mended, and why. */
  readonly reason?: string;
}

/** Fields of the file that the server has otherwise. What the file does not name is the server's to choose. */
export function diff(wanted: FileConfig, found: FileConfig): Drift["fields"] {
  return Object.entries(wanted)
    .filter(([name, value]) => !isSame(value, found[name]))
    .map(([name, value]) => ({ name, wanted: value, found: found[name] }));
}

/** The server leaves out what is zero, false or empty. */
function isSame(wanted: unknown, found: unknown): boolean {
  if (found === undefined) return wanted === 0 || wanted === false || wanted === "" || wanted === null;
  return JSON.stringify(wanted) === JSON.stringify(found);
}

export function describe(fields: Drift["fields"]): string {
  return fields
    .map(
      ({ name, wanted, found }) => `${name} is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`,
    )
    .join(", ");
}
