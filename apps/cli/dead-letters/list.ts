import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import type { Action } from "./action.ts";

export const LIST_OPTIONS = {
  type: { type: "string" },
  error: { type: "string" },
  limit: { type: "string" },
  cursor: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const list: Action = async (dlq, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, LIST_OPTIONS);
  positionals(rest, []);
  const limit = numberOption("limit", values.limit);
  const page = await dlq.list({
    ...(values.type !== undefined && { task_type: values.type }),
    ...(values.error !== undefined && { error: values.error }),
    ...(limit !== undefined && { limit }),
    ...(values.cursor !== undefined && { cursor: values.cursor }),
  });
  if (values.json) say(JSON.stringify(page));
  else if (page.items.length === 0) say("no dead letters");
  else {
    const rows = page.items.map((letter) => [
      letter.task_id,
      letter.task_type,
      String(letter.attempts),
      letter.died_at,
      `${letter.error.code}: ${letter.error.message}`,
    ]);
    const more = page.next_cursor === null ? "" : `; the next page: --cursor ${page.next_cursor}`;
    say(
      `${formatTable(["task", "type", "attempts", "died", "error"], rows)}\n\n${page.items.length} of ${page.total} in all${more}`,
    );
  }
  return EXIT.done;
};
