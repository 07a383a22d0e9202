import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";
import { showFile } from "./show-file.ts";

export const GET_OPTIONS = { json: { type: "boolean", default: false } } as const;

export const get: Action = async (files, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, GET_OPTIONS);
  const [fileId] = positionals(rest, ["<file_id>"]);
  const file = await files.get(fileId);
  say(values.json ? JSON.stringify(file) : showFile(file));
  return EXIT.done;
};
