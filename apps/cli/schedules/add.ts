import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments, wordOption } from "../shell/read-arguments.ts";
import { readJson } from "../shell/read-json.ts";
import type { Action } from "./action.ts";

export const ADD_OPTIONS = {
  cron: { type: "string" },
  zone: { type: "string" },
  every: { type: "string" },
  payload: { type: "string" },
  priority: { type: "string" },
  missed: { type: "string" },
  overlap: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const add: Action = async (schedules, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, ADD_OPTIONS);
  const [id, type] = positionals(rest, ["<id>", "<type>"]);
  const every = numberOption("every", values.every);
  const priority = numberOption("priority", values.priority);
  const missed = wordOption("missed", values.missed, ["skip", "catch_up", "latest"]);
  const overlap = wordOption("overlap", values.overlap, ["allow", "skip", "queue"]);
  const schedule = await schedules.create({
    schedule_id: id,
    ...(values.cron !== undefined && { cron: values.cron }),
    ...(values.zone !== undefined && { time_zone: values.zone }),
    ...(every !== undefined && { every }),
    ...(missed !== undefined && { missed }),
    ...(overlap !== undefined && { overlap }),
    task: {
      task_type: type,
      ...(values.payload !== undefined && { payload: await readJson("payload", values.payload) }),
      ...(priority !== undefined && { priority }),
    },
  });
  const [next] = schedule.next_runs;
  const when = next === undefined ? "is never due" : `runs at ${next}`;
  say(values.json ? JSON.stringify(schedule) : `${id} ${when}`);
  return EXIT.done;
};
