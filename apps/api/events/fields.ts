import { EVENT_LEVEL_CHARS_MAX, EVENT_SOURCE_CHARS_MAX, EVENT_TYPE_CHARS_MAX } from "@millrace/core/limits";

/** An event as the front doors build it from what other systems call a log record. */
export interface BuiltEvent {
  readonly timestamp?: string | number;
  readonly type: string;
  readonly message: string;
  readonly source?: string;
  readonly level?: string;
  readonly id?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** For records that say nowhere what they are. */
export const TYPE_DEFAULT = "log";

/** The first that is a text, cut to what a type may have. */
export function typeFrom(candidates: readonly unknown[]): string {
  return firstText(candidates)?.slice(0, EVENT_TYPE_CHARS_MAX).toWellFormed() ?? TYPE_DEFAULT;
}

export function sourceFrom(candidates: readonly unknown[]): { source?: string } {
  const source = firstText(candidates)?.slice(0, EVENT_SOURCE_CHARS_MAX).toWellFormed();
  return source === undefined ? {} : { source };
}

/** In lower case: `ERROR`, `Error` and `error` are one level. */
export function levelFrom(candidates: readonly unknown[]): { level?: string } {
  const level = firstText(candidates)?.toLowerCase().slice(0, EVENT_LEVEL_CHARS_MAX).toWellFormed();
  return level === undefined ? {} : { level };
}

/** A text as it is, anything else as JSON. */
export function messageFrom(candidates: readonly unknown[]): string {
  const found = candidates.find((each) => each !== undefined && each !== null);
  if (found === undefined) return "";
  return typeof found === "string" ? found : JSON.stringify(found);
}

function firstText(candidates: readonly unknown[]): string | undefined {
  for (const each of candidates) if (typeof each === "string" && each !== "") return each;
  return undefined;
}
