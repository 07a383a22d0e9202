import type { Command } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { showAttempts, showTask } from "../shell/show-task.ts";
import { withClient } from "../shell/with-client.ts";

export const OPTIONS = {
  attempts: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

export const command: Command = {
  summary: "Show a task",
  usage: `<id> [options]

  --attempts  every attempt with its worker, time and error, too
  --json      as JSON: the task, or {"task", "attempts"}`,
  takes: { options: OPTIONS },
  run: (input) =>
    withClient(input, async ({ tasks }) => {
      const { values, positionals: rest } = readArguments(input.args, OPTIONS);
      const [taskId] = positionals(rest, ["<id>"]);
      const task = await tasks.get(taskId);
      if (!values.attempts) {
        input.say(values.json ? JSON.stringify(task) : showTask(task));
        return EXIT.done;
      }
      const attempts = await tasks.attempts(taskId);
      input.say(
        values.json ? JSON.stringify({ task, attempts }) : `${showTask(task)}\n\n${showAttempts(attempts)}`,
      );
      return EXIT.done;
    }),
};
