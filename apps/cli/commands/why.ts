import type { Command } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { withClient } from "../shell/with-client.ts";

export const OPTIONS = {
  json: { type: "boolean", default: false },
} as const;

export const command: Command = {
  summary: "What a task waits for, where it runs, or how it ended",
  usage: `<id> [options]

  --json  as the API answers, with the details of the reason`,
  takes: { options: OPTIONS },
  run: (input) =>
    withClient(input, async ({ tasks }) => {
      const { values, positionals: rest } = readArguments(input.args, OPTIONS);
      const [taskId] = positionals(rest, ["<id>"]);
      const why = await tasks.why(taskId);
      input.say(values.json ? JSON.stringify(why) : `${why.reason}: ${why.summary}`);
      return EXIT.done;
    }),
};
