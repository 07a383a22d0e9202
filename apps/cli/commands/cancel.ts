import type { Command } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { withClient } from "../shell/with-client.ts";

export const command: Command = {
  summary: "Cancel a task, also while it runs",
  usage: `<id> [options]

  --json  the task as JSON`,
  run: (input) =>
    withClient(input, async ({ tasks }) => {
      const { values, positionals: rest } = readArguments(input.args, {
        json: { type: "boolean", default: false },
      });
      const [taskId] = positionals(rest, ["<id>"]);
      const task = await tasks.cancel(taskId);
      input.say(values.json ? JSON.stringify(task) : `${task.task_id} is cancelled`);
      return EXIT.done;
    }),
};
