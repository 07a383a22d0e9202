import type { Command } from "../command.ts";
import { DISCARD_OPTIONS, discard } from "../dead-letters/discard.ts";
import { LIST_OPTIONS, list } from "../dead-letters/list.ts";
import { REDRIVE_OPTIONS, redrive } from "../dead-letters/redrive.ts";
import { SHOW_OPTIONS, show } from "../dead-letters/show.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { withClient } from "../shell/with-client.ts";

const ACTIONS = { ls: list, show, redrive, rm: discard } as const;

export const command: Command = {
  summary: "Look at dead letters, bring them back, or throw them away",
  usage: `ls|show|redrive|rm [arguments]

  ls [--type T] [--error E]               tasks that failed for good, newest first; E is a code or a part of the message
     [--limit N] [--cursor C]
  show <id>                               payload, and the error of every attempt
  redrive <id>…                           run these again, with fresh attempts
  redrive --type T|--error E|--all        run all of these again
          [--limit N] [--rate N]          at most N of them, at N per second (100)
          [--patch JSON|@file|-]          merge this into each payload first (RFC 7396: null removes a field)
  rm <id>                                 take it off the list; the task stays failed

  --json                                  as the API answers`,
  takes: {
    actions: {
      ls: { options: LIST_OPTIONS },
      show: { options: SHOW_OPTIONS },
      redrive: { options: REDRIVE_OPTIONS },
      rm: { options: DISCARD_OPTIONS },
    },
  },
  run: (input) =>
    withClient(input, async ({ dlq }) => {
      const [action = "", ...args] = input.args;
      const run = chooseAction("dlq", action, ACTIONS);
      return run(dlq, { args, say: input.say });
    }),
};
