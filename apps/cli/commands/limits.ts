import type { Client, LimitInfo, LimitWish } from "@millrace/client";
import { LIMIT_SCOPES } from "@millrace/core";
import type { Command, CommandInput } from "../command.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { EXIT } from "../shell/exit-status.ts";
import { pendingLine } from "../shell/pending.ts";
import { positionals, readArguments, UsageError } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import { withClient } from "../shell/with-client.ts";

const OPTIONS = {
  rate: { type: "string" },
  burst: { type: "string" },
  concurrent: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

const ACTIONS = { ls: "ls", set: "set", rm: "rm" } as const;

export const command: Command = {
  summary: "How fast and how many at once tasks of a host, type or tenant may run",
  usage: `[ls]|set|rm [arguments]

  ls                          all limits
  set host|type|tenant <name> [--rate N] [--burst N] [--concurrent N]
                              starts per second, at once after a pause, and runs at once, over all workers
  rm host|type|tenant <name>  what it held back goes on

  --json                      as the API answers`,
  takes: {
    actions: {
      ls: { options: OPTIONS },
      set: { options: OPTIONS, values: { "": LIMIT_SCOPES } },
      rm: { options: OPTIONS, values: { "": LIMIT_SCOPES } },
    },
  },
  run: (input) => withClient(input, ({ limits }) => act(limits, input)),
};

async function act(limits: Client["limits"], { args, say }: CommandInput): Promise<number> {
  const { values, positionals: rest } = readArguments(args, OPTIONS);
  const [word = "ls", ...words] = rest;
  const action = chooseAction("limits", word, ACTIONS);
  if (action === "ls") {
    positionals(words, []);
    const items = await limits.list();
    say(values.json ? JSON.stringify({ items }) : show(items));
    return EXIT.done;
  }
  const [scopeWord, name] = positionals(words, ["host|type|tenant", "<name>"]);
  const scope = scopeOf(scopeWord);
  if (action === "rm") {
    await limits.remove(scope, name);
    say(values.json ? JSON.stringify({ scope, name }) : `${scope} ${name} is not limited`);
    return EXIT.done;
  }
  const limit = await limits.set({
    ...{ scope, name },
    ...numberOf("rate_per_second", values.rate),
    ...numberOf("burst", values.burst),
    ...numberOf("max_concurrent", values.concurrent),
  });
  say(values.json ? JSON.stringify(limit) : `${show([limit])}${pendingLine(limit.pending)}`);
  return EXIT.done;
}

function scopeOf(word: string): LimitWish["scope"] {
  if (word === "host" || word === "type" || word === "tenant") return word;
  throw new UsageError(`"${word}" is none of host, type, tenant`);
}

function numberOf(field: string, text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined) return {};
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new UsageError(`"${text}" is not a number`);
  return { [field]: value };
}

function show(items: readonly LimitInfo[]): string {
  if (items.length === 0) return "no limits";
  const text = (value: number | null) => (value === null ? "" : String(value));
  return formatTable(
    ["scope", "name", "per second", "burst", "at once"],
    items.map((limit) => [
      ...[limit.scope, limit.name, text(limit.rate_per_second)],
      ...[text(limit.burst), text(limit.max_concurrent)],
    ]),
  );
}
