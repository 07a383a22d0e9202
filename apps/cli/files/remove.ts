import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";

export const REMOVE_OPTIONS = { json: { type: "boolean", default: false } } as const;

export const remove: Action = async (files, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, REMOVE_OPTIONS);
  const [fileId] = positionals(rest, ["<file_id>"]);
  await files.delete(fileId);
  say(values.json ? JSON.stringify({ file_id: fileId }) : `${fileId} is deleted`);
  return EXIT.done;
};
