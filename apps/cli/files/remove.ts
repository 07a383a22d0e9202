import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";

export const remove: Action = async (files, { args, say }) => {
  const [fileId] = positionals(readArguments(args, {}).positionals, ["<file_id>"]);
  await files.delete(fileId);
  say(`${fileId} is deleted`);
  return EXIT.done;
};
