import type { BreakerInfo, Client } from "@millrace/client";
import type { Command, CommandInput } from "../command.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { EXIT } from "../shell/exit-status.ts";
import { pendingLine } from "../shell/pending.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import { withClient } from "../shell/with-client.ts";

const OPTIONS = { reason: { type: "string" }, json: { type: "boolean", default: false } } as const;

const ACTIONS = { ls: "ls", open: "open", close: "close", reset: "reset" } as const;

export const command: Command = {
  summary: "Hosts whose calls are stopped, or were; stop and let through calls to a host",
  usage: `[ls]|open|close|reset [arguments]

  ls                             hosts that failed too often, or were steered
  open <origin> [--reason TEXT]  stop calls to a host, such as https://api.example.org; tasks for it wait
  close <origin>                 let calls through, whatever the host answers
  reset <origin>                 judge by the host's answers again

  --json                         as the API answers`,
  takes: {
    actions: {
      ls: { options: OPTIONS },
      open: { options: OPTIONS },
      close: { options: OPTIONS },
      reset: { options: OPTIONS },
    },
  },
  run: (input) => withClient(input, ({ breakers }) => act(breakers, input)),
};

async function act(breakers: Client["breakers"], { args, say }: CommandInput): Promise<number> {
  const { values, positionals: rest } = readArguments(args, OPTIONS);
  const [word = "ls", ...names] = rest;
  const action = chooseAction("breakers", word, ACTIONS);
  if (action === "ls") {
    positionals(names, []);
    const items = await breakers.list();
    say(values.json ? JSON.stringify({ items }) : show(items));
    return EXIT.done;
  }
  const [origin] = positionals(names, ["<origin>"]);
  const breaker = await breakers.steer(origin, action, { reason: values.reason });
  say(
    values.json ? JSON.stringify(breaker) : `${origin} is ${wordOf(breaker)}${pendingLine(breaker.pending)}`,
  );
  return EXIT.done;
}

function show(items: readonly BreakerInfo[]): string {
  if (items.length === 0) return "no host has failed";
  return formatTable(["host", "breaker", "since", "parked", "next probe", "reason"], items.map(rowOf));
}

function rowOf(breaker: BreakerInfo): readonly string[] {
  const { origin, since, parked = 0, probe_at: probeAt, reason } = breaker;
  return [origin, wordOf(breaker), since, String(parked), probeAt ?? "", reason ?? ""];
}

function wordOf({ state }: BreakerInfo): string {
  return state.replace("_", " ");
}
