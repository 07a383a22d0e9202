import { parseArgs } from "node:util";
import { likeliestWord } from "@millrace/core/edit-distance";
import type { Options } from "../grammar.ts";

/** The person called the command wrongly; the message says how to call it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The options and the rest. @throws UsageError for an option that is not known or lacks its value */
export function readArguments<const O extends Options>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${messageOf(error)}${adviceFor(error, options)}`);
  }
}

/** parseArgs explains itself well, at length: "Unknown option '--prio'. To specify …" */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\. To specify a positional argument .*$/s, "");
}

function adviceFor(error: unknown, options: Options): string {
  const [, given = ""] = /Unknown option '--([^']+)'/.exec(messageOf(error)) ?? [];
  const meant = likeliestWord(given, Object.keys(options));
  return meant === undefined ? "" : `; did you mean --${meant}?`;
}

/** Exactly the named positional arguments. */
export function positionals<const N extends readonly string[]>(
  given: readonly string[],
  names: N,
): { readonly [K in keyof N]: string } {
  const missing = names[given.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  const surplus = given[names.length];
  if (surplus !== undefined) throw new UsageError(`${JSON.stringify(surplus)} is one argument too many`);
  return [...given] as { readonly [K in keyof N]: string }; // As many as names, as was just checked.
}

/** A number, or undefined when the option was not given. Whether it is in range is the API's to say. */
export function numberOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new UsageError(`--${name} must be a number, not ${JSON.stringify(text)}`);
  return value;
}

/** A whole number from 1 on, or undefined when the option was not given. */
export function wholeOption(name: string, text: string | undefined): number | undefined {
  const value = numberOption(name, text);
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return value;
  throw new UsageError(`--${name} must be a whole number from 1 on, not ${JSON.stringify(text)}`);
}

/** One of the words, or undefined when the option was not given. */
export function wordOption<const W extends string>(
  name: string,
  text: string | undefined,
  words: readonly W[],
): W | undefined {
  if (text === undefined) return undefined;
  const word = words.find((known) => known === text);
  if (word === undefined) throw new UsageError(`--${name} must be one of ${words.join(", ")}`);
  return word;
}
