import { join } from "node:path";
import { homeAt } from "@millrace/stack/home";
import type { Command, CommandInput } from "../command.ts";
import { DRILLS, type DrillName } from "../drill/drills.ts";
import { drawReport } from "../drill/report.ts";
import { type DrillPlan, runDrill } from "../drill/run-drill.ts";
import { killProcesses, runCommand, StrikeFailure } from "../drill/strike.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { EXIT } from "../shell/exit-status.ts";
import { readArguments, UsageError, wholeOption } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import { withClient } from "../shell/with-client.ts";
import { withInterrupt } from "../shell/with-interrupt.ts";

const OPTIONS = {
  tasks: { type: "string", default: "600" },
  events: { type: "string", default: "20000" },
  seconds: { type: "string", default: "10" },
  command: { type: "string" },
  yes: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;
const NAMES = Object.keys(DRILLS);
const SECONDS_MAX = 600;
const LOAD_MAX = 1_000_000;

export const command: Command = {
  summary: "Break a part of the stack under load, and count what was lost, doubled or late",
  usage: `[ls]|<drill> [options]

${Object.entries(DRILLS)
  .map(([name, { summary }]) => `  ${name.padEnd(15)} ${summary}`)
  .join("\n")}

  --tasks N      that are submitted (600)
  --events N     that are sent (20000)
  --seconds N    over how long; the blow falls after a third (10)
  --command TEXT what \`run\` runs, by sh
  --yes          do it: processes of the stack are killed with SIGKILL
  --json         the report as JSON

The processes are those of the stack that runs in MILLRACE_HOME on this machine. The exit status is 0 when nothing was lost
and nothing happened twice.`,
  takes: { options: OPTIONS, values: { "": ["ls", ...NAMES] } },
  run: (input) =>
    withClient(input, async (client) => {
      const { values, positionals: rest } = readArguments(input.args, OPTIONS);
      const [name = "ls", surplus] = rest;
      if (surplus !== undefined) throw new UsageError(`${JSON.stringify(surplus)} is one argument too many`);
      if (name === "ls") return list(input.say);
      const plan = planOf(input, chooseAction("drill", name, byName()), values);
      const report = await withInterrupt((signal) =>
        runDrill(plan, { client, signal, tell: input.complain }),
      ).catch((error: unknown) => {
        if (error instanceof StrikeFailure) return error;
        throw error;
      });
      if (report instanceof StrikeFailure) {
        input.complain(report.message);
        return EXIT.failed;
      }
      input.say(values.json ? JSON.stringify(report) : drawReport(report));
      return report.passed ? EXIT.done : EXIT.failed;
    }),
};

function list(say: (line: string) => void): number {
  say(
    formatTable(
      ["drill", "what it does"],
      Object.entries(DRILLS).map(([name, { summary }]) => [name, summary]),
    ),
  );
  return EXIT.done;
}

/** Each name as itself, for `chooseAction`. */
function byName(): Readonly<Record<string, DrillName>> {
  return Object.fromEntries(NAMES.flatMap((name) => (isDrill(name) ? [[name, name]] : [])));
}

function isDrill(name: string): name is DrillName {
  return Object.hasOwn(DRILLS, name);
}

interface Given {
  readonly tasks: string;
  readonly events: string;
  readonly seconds: string;
  readonly command?: string | undefined;
  readonly yes: boolean;
}

function planOf(input: CommandInput, name: DrillName, given: Given): DrillPlan {
  const strike = strikeOf(input, name, given.command);
  if (strike !== null && !given.yes) throw new UsageError(`${name} will ${DRILLS[name].summary}; add --yes`);
  return {
    ...{ name, strike },
    run: `drill-${Math.random().toString(36).slice(2, 8)}`,
    tasks: bounded("tasks", given.tasks, LOAD_MAX),
    events: bounded("events", given.events, LOAD_MAX),
    seconds: bounded("seconds", given.seconds, SECONDS_MAX),
  };
}

function strikeOf(
  { env, projectFolder }: CommandInput,
  name: DrillName,
  text: string | undefined,
): DrillPlan["strike"] {
  if ((text !== undefined) !== (name === "run"))
    throw new UsageError(name === "run" ? "run needs --command" : "--command is for run alone");
  if (text !== undefined) return () => runCommand(text);
  const { kills } = DRILLS[name];
  if (kills === null) return null;
  const home = homeAt(env.MILLRACE_HOME?.trim() || join(projectFolder, ".millrace"));
  return async () => killProcesses(home.pids, kills);
}

function bounded(name: string, text: string, max: number): number {
  const value = wholeOption(name, text) ?? 0;
  if (value > max) throw new UsageError(`--${name} may be ${max} at most`);
  return value;
}
