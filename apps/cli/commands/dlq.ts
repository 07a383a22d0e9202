import type { Command } from "../command.ts";
import { discard } from "../dead-letters/discard.ts";
import { list } from "../dead-letters/list.ts";
import { redrive } from "../dead-letters/redrive.ts";
import { show } from "../dead-letters/show.ts";
import { UsageError } from "../shell/read-arguments.ts";
import { withClient } from "../shell/with-client.ts";

const ACTIONS = { ls: list, show, redrive, rm: discard } as const;

export const command: Command = {
  summary: "Look at dead letters, bring them back, or throw them away",
  usage: `ls|show|redrive|rm [arguments]

  ls [--type T] [--error E] [--limit N]   tasks that failed for good, newest first; E is a code or a part of the message
  show <id>                               payload, and the error of every attempt
  redrive <id>…                           run these again, with fresh attempts
  redrive --type T|--error E|--all        run all of these again
          [--limit N] [--rate N]          at most N of them, at N per second (100)
          [--patch JSON|@file|-]          merge this into each payload first (RFC 7396: null removes a field)
  rm <id>                                 take it off the list; the task stays failed

  --json                                  as the API answers`,
  run: (input) =>
    withClient(input, async ({ dlq }) => {
      const [action = "", ...args] = input.args;
      const run = Object.entries(ACTIONS).find(([name]) => name === action)?.[1];
      if (run === undefined) throw new UsageError(`dlq needs one of ${Object.keys(ACTIONS).join(", ")}`);
      return run(dlq, { args, say: input.say });
    }),
};
