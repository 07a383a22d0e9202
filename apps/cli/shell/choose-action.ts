import { likeliestWord } from "@millrace/core/edit-distance";
import { UsageError } from "./read-arguments.ts";

/** The action of that name. @throws UsageError that names them all, and the one that was probably meant */
export function chooseAction<T>(command: string, given: string, actions: Readonly<Record<string, T>>): T {
  const names = Object.keys(actions);
  const found = Object.entries(actions).find(([name]) => name === given);
  if (found !== undefined) return found[1];
  const meant = likeliestWord(given, names);
  const advice = meant === undefined ? "" : `; did you mean ${meant}?`;
  const what = given === "" ? "" : `, not ${JSON.stringify(given)}${advice}`;
  throw new UsageError(`${command} needs one of ${names.join(", ")}${what}`);
}
