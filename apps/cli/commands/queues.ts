import type { Client, QueueLevel, QueuePause, Queues } from "@millrace/client";
import type { Command, CommandInput } from "../command.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { EXIT } from "../shell/exit-status.ts";
import { pendingLine } from "../shell/pending.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import { withClient } from "../shell/with-client.ts";

const OPTIONS = { reason: { type: "string" }, json: { type: "boolean", default: false } } as const;

const ACTIONS = { ls: "ls", pause: "pause", resume: "resume" } as const;

export const command: Command = {
  summary: "What waits and runs in each queue; pause and resume lanes and task types",
  usage: `[ls]|pause|resume [arguments]

  ls                            queues that hold anything, and what is paused
  pause <name> [--reason TEXT]  start nothing new of a lane (short, long …) or of a task type
  resume <name>                 all that waited for it runs

  --json                        as the API answers`,
  takes: { actions: { ls: { options: OPTIONS }, pause: { options: OPTIONS }, resume: { options: OPTIONS } } },
  run: (input) => withClient(input, ({ queues }) => act(queues, input)),
};

async function act(queues: Client["queues"], { args, say }: CommandInput): Promise<number> {
  const { values, positionals: rest } = readArguments(args, OPTIONS);
  const [word = "ls", ...names] = rest;
  const action = chooseAction("queues", word, ACTIONS);
  if (action === "ls") {
    positionals(names, []);
    const state = await queues.list();
    say(values.json ? JSON.stringify(state) : show(state));
    return EXIT.done;
  }
  const [name] = positionals(names, ["<name>"]);
  const paused = action === "pause";
  const { pending } = await (paused ? queues.pause(name, values.reason) : queues.resume(name));
  const told = `${name} is ${paused ? "paused" : "not paused"}${pendingLine(pending)}`;
  say(values.json ? JSON.stringify({ name, paused, pending }) : told);
  return EXIT.done;
}

function show({ items, paused }: Queues): string {
  const held = items.filter(({ waiting, running }) => waiting + running > 0);
  const levels =
    held.length === 0
      ? "nothing waits and nothing runs"
      : formatTable(["queue", "waiting", "due", "running", "oldest"], held.map(rowOf));
  return [levels, ...paused.map(pauseLine)].join("\n");
}

function rowOf(level: QueueLevel): readonly string[] {
  const { lane, priority, waiting, due, running, oldest_age: age } = level;
  const oldest = age === null ? "" : `${Math.round(age)} s`;
  return [`${lane} p${priority}`, String(waiting), String(due), String(running), oldest];
}

function pauseLine({ name, kind, paused_at: since, reason, parked }: QueuePause): string {
  const waiting = parked === null ? "" : `, ${parked} parked`;
  return `paused: ${kind} ${name} since ${since}${waiting}${reason === null ? "" : ` (${reason})`}`;
}
