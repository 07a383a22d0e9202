import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";

export const DISCARD_OPTIONS = { json: { type: "boolean", default: false } } as const;

export const discard: Action = async (dlq, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, DISCARD_OPTIONS);
  const [taskId] = positionals(rest, ["<id>"]);
  await dlq.discard(taskId);
  say(values.json ? JSON.stringify({ task_id: taskId }) : `${taskId} is off the list; the task stays failed`);
  return EXIT.done;
};
