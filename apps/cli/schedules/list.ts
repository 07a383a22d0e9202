import type { Schedule } from "@millrace/client";
import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import type { Action } from "./action.ts";

export const LIST_OPTIONS = {
  limit: { type: "string" },
  cursor: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const list: Action = async (schedules, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, LIST_OPTIONS);
  positionals(rest, []);
  const limit = numberOption("limit", values.limit);
  const page = await schedules.list({
    ...(limit !== undefined && { limit }),
    ...(values.cursor !== undefined && { cursor: values.cursor }),
  });
  if (values.json) say(JSON.stringify(page));
  else if (page.items.length === 0) say("no schedules");
  else {
    const more = page.next_cursor === null ? "" : `\n\nthe next page: --cursor ${page.next_cursor}`;
    say(`${formatTable(["schedule", "type", "when", "status", "next run"], page.items.map(rowOf))}${more}`);
  }
  return EXIT.done;
};

function rowOf(schedule: Schedule): readonly string[] {
  const { schedule_id: id, task, status, next_runs: runs, problem } = schedule;
  return [id, task.task_type, whenOf(schedule), problem ?? status, runs[0] ?? ""];
}

function whenOf({ cron, time_zone: zone, every }: Schedule): string {
  return cron === null ? `every ${every} s` : `${cron} ${zone}`;
}
