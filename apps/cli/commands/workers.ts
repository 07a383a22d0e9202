import type { WorkerInfo } from "@millrace/client";
import type { Command } from "../command.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import { withClient } from "../shell/with-client.ts";

const HEADING = ["worker", "kind", "status", "running", "cpu", "memory", "last beat", "task types"];

export const OPTIONS = {
  json: { type: "boolean", default: false },
} as const;

const ACTIONS = { ls: "ls", drain: "drain", resume: "resume" } as const;

const GIVEN = { drain: "nothing new", resume: "tasks again" } as const;

export const command: Command = {
  summary: "Who works: our own workers, and those that speak HTTP",
  usage: `[ls] | drain|resume <worker>

  ls [--json]       all of them, by id
  drain <worker>    give it nothing new. One that speaks HTTP leaves when it has finished; one of our
                    own stays, and stays drained when it is started again, until it is resumed
  resume <worker>   give it tasks again

  --json            as the API answers`,
  takes: { actions: { ls: { options: OPTIONS }, drain: { options: OPTIONS }, resume: { options: OPTIONS } } },
  run: (input) =>
    withClient(input, async ({ workers }) => {
      const { values, positionals: words } = readArguments(input.args, OPTIONS);
      const [word = "ls", ...rest] = words;
      const action = chooseAction("workers", word, ACTIONS);
      if (action !== "ls") {
        const [id] = positionals(rest, ["<worker>"]);
        await workers[action](id);
        input.say(values.json ? JSON.stringify({ worker_id: id }) : `${id} is given ${GIVEN[action]}`);
        return EXIT.done;
      }
      positionals(rest, []);
      const items = await workers.list();
      if (values.json) input.say(JSON.stringify({ items }));
      else input.say(items.length === 0 ? "no workers" : formatTable(HEADING, items.map(rowOf)));
      return EXIT.done;
    }),
};

function rowOf(worker: WorkerInfo): readonly string[] {
  const { system_info: usage } = worker;
  return [
    ...[worker.worker_id, worker.kind, worker.status, `${worker.running}/${worker.max_concurrent_tasks}`],
    ...[percent(usage.cpu_usage), percent(usage.memory_usage), worker.last_heartbeat_at],
    worker.capabilities.join(", "),
  ];
}

function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? "" : `${Math.round(share * 100)} %`;
}
