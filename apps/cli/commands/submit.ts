import type { Client, TaskRequest } from "@millrace/client";
import type { Command, CommandInput } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments, UsageError, wordOption } from "../shell/read-arguments.ts";
import { readJson } from "../shell/read-json.ts";
import { showTask } from "../shell/show-task.ts";
import { withClient } from "../shell/with-client.ts";

const OPTIONS = {
  payload: { type: "string" },
  priority: { type: "string" },
  lane: { type: "string" },
  id: { type: "string" },
  delay: { type: "string" },
  timeout: { type: "string" },
  ttl: { type: "string" },
  attempts: { type: "string" },
  dedup: { type: "string" },
  "dedup-window": { type: "string" },
  debounce: { type: "string" },
  quiet: { type: "string" },
  "max-wait": { type: "string" },
  after: { type: "string", multiple: true },
  wait: { type: "boolean", default: false },
  "wait-seconds": { type: "string" },
  json: { type: "boolean", default: false },
} as const;
const WAIT_S_DEFAULT = 300;

export const command: Command = {
  summary: "Submit a task, and wait for its end if you like",
  usage: `<type> [options]

  --payload JSON|@file|-  what the task is about; - reads standard input ({})
  --priority 1-10         10 is the most urgent (5)
  --lane short|long       by task type when absent
  --id ID                 sending the same task twice under one id does it once (made when absent)
  --delay S               not before this many seconds have passed
  --timeout S             how long one attempt may take
  --ttl S                 not started so many seconds after it is due, it fails
  --attempts N            failures after which it goes to the dead letters (3)
  --dedup KEY             not when another task of the type holds the key: that one is the answer
  --dedup-window S        it holds the key for so long (until it is finished)
  --debounce KEY          one task for all submissions with the key; the last payload counts
  --quiet S               it starts when no further one came for so long (1)
  --max-wait S            but no later than this after the first one (10 times --quiet)
  --after ID              a task that must complete first; may be given several times
  --wait                  wait for its end; the exit status is 1 when it fails
  --wait-seconds S        how long to wait (${WAIT_S_DEFAULT})
  --json                  the task as JSON

Example: millrace submit http.request --payload '{"url":"https://example.org/"}' --wait`,
  takes: { options: OPTIONS, values: { lane: ["short", "long"], "": ["http.request", "simulate"] } },
  run: (input) => withClient(input, (client) => submit(input, client)),
};

async function submit({ args, say }: CommandInput, client: Client): Promise<number> {
  const { values, positionals: rest } = readArguments(args, OPTIONS);
  const [type] = positionals(rest, ["<type>"]);
  const waitS = numberOption("wait-seconds", values["wait-seconds"]) ?? WAIT_S_DEFAULT;
  const task = await client.tasks.submit(await requestOf(type, values));
  if (!values.wait) {
    const next = `millrace get ${task.task_id} shows how it goes`;
    if (task.deduplicated === true && !values.json) {
      say(`${task.task_id} holds the key and is ${task.status} (${task.phase}); ${next}`);
      return EXIT.done;
    }
    const ready = task.phase === "queued" ? "is queued" : `is ${task.status} (${task.phase})`;
    say(values.json ? JSON.stringify(task) : `${task.task_id} ${ready}; ${next}`);
    return EXIT.done;
  }
  if (!values.json) say(`${task.task_id} is submitted`);
  const ended = await client.tasks.waitFor(task.task_id, { timeoutMs: waitS * 1_000 });
  say(values.json ? JSON.stringify(ended) : showTask(ended));
  return ended.status === "completed" ? EXIT.done : EXIT.failed;
}

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>["values"];

async function requestOf(type: string, values: Values): Promise<TaskRequest> {
  const priority = numberOption("priority", values.priority);
  const lane = wordOption("lane", values.lane, ["short", "long"]);
  const delay = numberOption("delay", values.delay);
  const timeout = numberOption("timeout", values.timeout);
  const ttl = numberOption("ttl", values.ttl);
  const attempts = numberOption("attempts", values.attempts);
  return {
    task_type: type,
    ...(values.payload !== undefined && { payload: await readJson("payload", values.payload) }),
    ...(priority !== undefined && { priority }),
    ...(lane !== undefined && { lane }),
    ...(values.id !== undefined && { task_id: values.id }),
    ...(delay !== undefined && { delay }),
    ...(timeout !== undefined && { timeout }),
    ...(ttl !== undefined && { ttl }),
    ...(attempts !== undefined && { max_attempts: attempts }),
    ...keysOf(values),
    ...(values.after !== undefined && { dependencies: values.after }),
  };
}

const QUIET_S_DEFAULT = 1;

function keysOf(values: Values): Pick<TaskRequest, "dedup" | "debounce"> {
  const window = numberOption("dedup-window", values["dedup-window"]);
  const seconds = numberOption("quiet", values.quiet);
  const maxWait = numberOption("max-wait", values["max-wait"]);
  if (window !== undefined && values.dedup === undefined)
    throw new UsageError("--dedup-window goes with --dedup");
  if ((seconds ?? maxWait) !== undefined && values.debounce === undefined)
    throw new UsageError("--quiet and --max-wait go with --debounce");
  return {
    ...(values.dedup !== undefined && {
      dedup: { key: values.dedup, ...(window !== undefined && { window_seconds: window }) },
    }),
    ...(values.debounce !== undefined && {
      debounce: {
        ...{ key: values.debounce, seconds: seconds ?? QUIET_S_DEFAULT },
        ...(maxWait !== undefined && { max_wait_seconds: maxWait }),
      },
    }),
  };
}
