import type { Command } from "../command.ts";
import { add } from "../schedules/add.ts";
import { list } from "../schedules/list.ts";
import { steer } from "../schedules/steer.ts";
import { UsageError } from "../shell/read-arguments.ts";
import { withClient } from "../shell/with-client.ts";

const ACTIONS = {
  ls: list,
  add,
  rm: steer("rm"),
  pause: steer("pause"),
  resume: steer("resume"),
  run: steer("run"),
} as const;

export const command: Command = {
  summary: "Tasks that are made again and again: list, add, remove, pause",
  usage: `ls|add|rm|pause|resume|run [arguments]

  ls [--limit N] [--cursor C]             by id, with the next run
  add <id> <type> --cron 'M H D M W'      seconds may stand in front; or @daily and the like
          [--zone Europe/Berlin]          whose wall clock that is (UTC)
  add <id> <type> --every N               each N seconds
          [--payload JSON|@file|-] [--priority 1-10]
          [--missed skip|catch_up|latest] what becomes of ticks while no scheduler was there (latest)
          [--overlap allow|skip|queue]    and of one while an earlier run is not finished (allow)
  rm <id>                                 its tasks stay
  pause <id>, resume <id>
  run <id>                                its task, once, now

  --json                                  as the API answers`,
  run: (input) =>
    withClient(input, async ({ schedules }) => {
      const [action = "", ...args] = input.args;
      const run = Object.entries(ACTIONS).find(([name]) => name === action)?.[1];
      if (run === undefined)
        throw new UsageError(`schedules needs one of ${Object.keys(ACTIONS).join(", ")}`);
      return run(schedules, { args, say: input.say });
    }),
};
