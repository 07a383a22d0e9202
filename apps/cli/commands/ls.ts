import type { TaskFilter } from "@millrace/client";
import type { Command } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments, wordOption } from "../shell/read-arguments.ts";
import { showTasks } from "../shell/show-task.ts";
import { withClient } from "../shell/with-client.ts";

const OPTIONS = {
  status: { type: "string" },
  type: { type: "string" },
  priority: { type: "string" },
  limit: { type: "string" },
  cursor: { type: "string" },
  json: { type: "boolean", default: false },
} as const;
const STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;

export const command: Command = {
  summary: "List tasks, newest first",
  usage: `[options]

  --status S    ${STATUSES.join(", ")}
  --type T      of this task type
  --priority N  of this priority
  --limit N     at most so many (20)
  --cursor C    the page after the one that named this cursor
  --json        the page as the API answers it`,
  takes: { options: OPTIONS, values: { status: STATUSES } },
  run: (input) =>
    withClient(input, async ({ tasks }) => {
      const { values, positionals: rest } = readArguments(input.args, OPTIONS);
      positionals(rest, []);
      const page = await tasks.list(filterOf(values));
      if (values.json) input.say(JSON.stringify(page));
      else if (page.items.length === 0) input.say("no such task");
      else {
        const total = `${page.total}${page.total_capped ? " or more" : ""}`;
        const more = page.next_cursor === null ? "" : `; the next page: --cursor ${page.next_cursor}`;
        input.say(`${showTasks(page.items)}\n\n${page.items.length} of ${total}${more}`);
      }
      return EXIT.done;
    }),
};

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>["values"];

function filterOf(values: Values): TaskFilter {
  const status = wordOption("status", values.status, STATUSES);
  const priority = numberOption("priority", values.priority);
  const limit = numberOption("limit", values.limit);
  return {
    ...(status !== undefined && { status }),
    ...(values.type !== undefined && { task_type: values.type }),
    ...(priority !== undefined && { priority }),
    ...(limit !== undefined && { limit }),
    ...(values.cursor !== undefined && { cursor: values.cursor }),
  };
}
