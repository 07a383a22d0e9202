import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { showAttempts, showLogs } from "../shell/show-task.ts";
import { formatFields } from "../shell/table.ts";
import type { Action } from "./action.ts";

export const SHOW_OPTIONS = { json: { type: "boolean", default: false } } as const;

export const show: Action = async (dlq, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, SHOW_OPTIONS);
  const [taskId] = positionals(rest, ["<id>"]);
  const letter = await dlq.get(taskId);
  if (values.json) {
    say(JSON.stringify(letter));
    return EXIT.done;
  }
  const fields = formatFields([
    ["task", letter.task_id],
    ["type", letter.task_type],
    ["died", letter.died_at],
    ["error", `${letter.error.code}: ${letter.error.message}`],
    ["payload", JSON.stringify(letter.payload)],
  ]);
  say(
    `${fields}\n\n${showAttempts(letter.history)}${showLogs(letter.history)}\n\nmillrace dlq redrive ${letter.task_id} runs it again`,
  );
  return EXIT.done;
};
