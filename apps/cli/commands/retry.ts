import type { Command } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { withClient } from "../shell/with-client.ts";

export const OPTIONS = {
  json: { type: "boolean", default: false },
  subtree: { type: "boolean", default: false },
  graph: { type: "boolean", default: false },
} as const;

export const command: Command = {
  summary: "Run a failed or cancelled task again",
  usage: `<id> [options]

  --subtree  with everything that depends on it
  --graph    with everything that is connected with it
  --json     the answer as JSON`,
  takes: { options: OPTIONS },
  run: (input) =>
    withClient(input, async ({ tasks }) => {
      const { values, positionals: rest } = readArguments(input.args, OPTIONS);
      const [taskId] = positionals(rest, ["<id>"]);
      if (values.graph || values.subtree) {
        const all = await tasks.retryAll(taskId, values.graph ? "graph" : "subtree");
        const more = all.truncated ? "; there are more, further off: ask again" : "";
        input.say(
          values.json ? JSON.stringify(all) : `${all.changed} of ${all.nodes} tasks brought back${more}`,
        );
        return EXIT.done;
      }
      const task = await tasks.retry(taskId);
      input.say(values.json ? JSON.stringify(task) : `${task.task_id} is ${task.phase} again`);
      return EXIT.done;
    }),
};
