import type { Command } from "../command.ts";
import { ADD_OPTIONS, add } from "../schedules/add.ts";
import { LIST_OPTIONS, list } from "../schedules/list.ts";
import { STEER_OPTIONS, steer } from "../schedules/steer.ts";
import { chooseAction } from "../shell/choose-action.ts";
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
  takes: {
    actions: {
      ls: { options: LIST_OPTIONS },
      add: {
        options: ADD_OPTIONS,
        values: { missed: ["skip", "catch_up", "latest"], overlap: ["allow", "skip", "queue"] },
      },
      rm: { options: STEER_OPTIONS },
      pause: { options: STEER_OPTIONS },
      resume: { options: STEER_OPTIONS },
      run: { options: STEER_OPTIONS },
    },
  },
  run: (input) =>
    withClient(input, async ({ schedules }) => {
      const [action = "", ...args] = input.args;
      const run = chooseAction("schedules", action, ACTIONS);
      return run(schedules, { args, say: input.say });
    }),
};
