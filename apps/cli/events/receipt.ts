import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";

const WAIT_S_DEFAULT = 60;

export const RECEIPT_OPTIONS = {
  wait: { type: "boolean", default: false },
  "wait-seconds": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const receipt: Action = async (events, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, RECEIPT_OPTIONS);
  const [given] = positionals(rest, ["<receipt>"]);
  const waitS = numberOption("wait-seconds", values["wait-seconds"]) ?? WAIT_S_DEFAULT;
  const state = values.wait
    ? await events.waitStored(given, { timeoutMs: waitS * 1_000 })
    : await events.receipt(given);
  const { accepted, stored } = state;
  say(values.json ? JSON.stringify(state) : `${state.state}: ${stored} of ${accepted} can be queried`);
  return EXIT.done;
};
